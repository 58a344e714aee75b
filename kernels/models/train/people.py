# SPDX-License-Identifier: LGPL-2.1-or-later
"""The photographs, and who of them is never trained on."""
import hashlib
import os


def held_out(name):
    """Of six identities one, by the hash of the name: no later choice of ours
    can move anybody from one side to the other."""
    return hashlib.sha256(name.encode()).digest()[0] % 6 == 0


def photographs(data):
    """(identity, file) of all, in the order of their names."""
    root = os.path.join(data, 'faces', 'lfw-dev')
    for name in sorted(os.listdir(root)):
        for file in sorted(os.listdir(os.path.join(root, name))):
            if file.endswith('.jpg'):
                yield name, os.path.join(root, name, file)


def videos(data):
    root = os.path.join(data, 'videos')
    return [os.path.join(root, f) for f in sorted(os.listdir(root))
            if f.endswith(('.mp4', '.mkv', '.webm'))]
