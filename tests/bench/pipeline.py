#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Times the whole pipeline against decoding alone, on one clip.

usage: pipeline.py [--clip FILE | --from VIDEO] [--pairs N] [--json FILE]

The clip is VIDEO scaled to 1920x1080, looped to 60 s, H.264 (x264 medium, CRF
20); it is made once with ffmpeg (needed, with its ffprobe) and kept beside the build. Decoding alone is
`decodebin ! fakesink`. The two are run in alternation, --pairs times, and the
ratio is the median of the ratios of the pairs. CPU of the stages is the
difference between pipelines that end after each of them. Peak memory is the
kernel's figure for the process.
"""
import argparse
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
BUILD = os.environ.get("REID_BUILD") or os.path.join(ROOT, "build")


def run(line):
    """Wall seconds, CPU seconds, peak RSS in MB of one gst-launch line."""
    env = dict(os.environ)
    env["GST_PLUGIN_PATH"] = os.path.join(BUILD, "gst")
    env["GST_REGISTRY"] = os.path.join(BUILD, "registry.bin")
    start = time.monotonic()
    child = subprocess.Popen(["gst-launch-1.0", "-q"] + line, env=env,
                             stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(child.pid, 0)
    wall = time.monotonic() - start
    if status != 0:
        sys.exit("failed: gst-launch-1.0 " + " ".join(line))
    return wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def make_clip(video, seconds=60):
    clip = os.path.join(BUILD, f"bench-1080p-{seconds}s.mp4")
    if not os.path.exists(clip):
        part = clip + ".part.mp4"
        subprocess.run(["ffmpeg", "-v", "error", "-y", "-stream_loop", "-1",
                        "-i", video, "-t", str(seconds), "-vf", "scale=1920:1080,setsar=1",
                        "-c:v", "libx264", "-preset", "medium", "-crf", "20",
                        "-pix_fmt", "yuv420p", "-an", part], check=True)
        os.rename(part, clip)
    return clip


def count_frames(clip):
    out = subprocess.run(["ffprobe", "-v", "error", "-select_streams", "v:0",
                          "-count_packets", "-show_entries", "stream=nb_read_packets",
                          "-of", "csv=p=0", clip], check=True, capture_output=True, text=True)
    return int(out.stdout.strip().split(",")[0])


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clip")
    parser.add_argument("--from", dest="video",
                        default=os.path.join(ROOT, "..", "shared", "videos", "person_video_02.mp4"))
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--json")
    args = parser.parse_args()
    for tool in ("ffmpeg", "ffprobe"):
        if not shutil.which(tool):
            sys.exit(f"pipeline.py: error: no {tool}; on Debian: apt-get install ffmpeg")
    clip = args.clip or make_clip(args.video)
    frames = count_frames(clip)

    head = ["filesrc", f"location={clip}", "!", "decodebin"]
    tail = ["!", "fakesink", "sync=false"]
    with tempfile.TemporaryDirectory() as out:
        stages = [("decode", []), ("reiddetect", ["!", "reiddetect"]),
                  ("reidtrack", ["!", "reidtrack"]), ("reidembed", ["!", "reidembed"]),
                  ("reidcluster", ["!", "reidcluster", f"location={out}/run"])]
        whole = [word for _, words in stages for word in words]
        decode, full, ratios = [], [], []
        for i in range(args.pairs):
            d = run(head + tail)
            w = run(head + whole + tail)
            decode.append(d)
            full.append(w)
            ratios.append(d[0] / w[0])
            print(f"pair {i + 1}: decode {frames / d[0]:.1f} frames/s, "
                  f"whole {frames / w[0]:.1f} frames/s, ratio {ratios[-1]:.3f}", flush=True)
        cpu, so_far = [], []
        for name, words in stages:
            so_far += words
            cpu.append((name, statistics.median(run(head + so_far + tail)[1] for _ in range(3))))

    rows = []
    before = 0.0
    for name, seconds in cpu:
        rows.append({"stage": name, "cpu_ms_per_frame": (seconds - before) / frames * 1e3})
        before = seconds
    result = {
        "clip": os.path.basename(clip), "frames": frames, "pairs": args.pairs,
        "cores": os.cpu_count(), "machine": platform.processor() or platform.machine(),
        "decode_fps": frames / statistics.median(d[0] for d in decode),
        "whole_fps": frames / statistics.median(w[0] for w in full),
        "ratio": statistics.median(ratios), "ratios": ratios,
        "peak_mb": max(w[2] for w in full),
        "decode_peak_mb": max(d[2] for d in decode), "stages": rows,
    }
    print(f"\nwhole pipeline / decode only: {result['ratio']:.3f} "
          f"({result['whole_fps']:.1f} / {result['decode_fps']:.1f} frames/s, "
          f"median of {args.pairs} pairs, {result['cores']} cores)")
    print(f"peak memory: {result['peak_mb']:.0f} MB (decode only {result['decode_peak_mb']:.0f} MB)")
    for row in rows:
        print(f"  {row['stage']:<12} {row['cpu_ms_per_frame']:6.2f} ms CPU a frame")
    if args.json:
        with open(args.json, "w", encoding="utf-8") as f:
            json.dump(result, f, indent=2)
            f.write("\n")


if __name__ == "__main__":
    main()
