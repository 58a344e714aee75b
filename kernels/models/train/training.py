# SPDX-License-Identifier: LGPL-2.1-or-later
"""What both trainings share: AdamW, a cosine schedule, the running mean of the
weights, and checkpoints that a run which was stopped goes on from."""
import copy
import math
import os

import torch

WARM = 100  # steps until the rate is what was asked for


class Training:
    """`steps` may change on the way."""

    def __init__(self, net, checkpoint, rate, steps, clip):
        self.net, self.mean = net, copy.deepcopy(net)
        self.checkpoint, self.steps, self.clip = checkpoint, steps, clip
        self.optimizer = torch.optim.AdamW(net.parameters(), lr=rate,
                                           weight_decay=1e-3)
        self.schedule = torch.optim.lr_scheduler.LambdaLR(
            self.optimizer, lambda s: min(1, (s + 1) / WARM)
            * (.5 + .5 * math.cos(math.pi * min(1, s / self.steps))) + 1e-3)
        self.step = 0
        if os.path.exists(checkpoint):
            saved = torch.load(checkpoint, 'cpu')
            self.step = saved.pop('step')
            for name, state in saved.items():
                getattr(self, name).load_state_dict(state)

    def learn(self, loss):
        self.step += 1
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.net.parameters(), self.clip)
        self.optimizer.step()
        self.schedule.step()
        with torch.no_grad():
            keep = min(.998, (self.step + 1) / (self.step + 20))
            torch._foreach_lerp_(list(self.mean.parameters()),
                                 list(self.net.parameters()), 1 - keep)

    def save(self):
        torch.save({'step': self.step,
                    **{name: getattr(self, name).state_dict() for name in (
                        'net', 'mean', 'optimizer', 'schedule')}},
                   self.checkpoint + '.part')
        os.replace(self.checkpoint + '.part', self.checkpoint)
