#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""make-model leaves nothing when a signal ends it while it writes, as Ctrl-C does.

make_model_killed.py ROSENBLATT VOCABULARY WORK
"""
import os
import resource
import shutil
import signal
import subprocess
import sys
from pathlib import Path

rosenblatt, vocabulary, work = sys.argv[1], sys.argv[2], Path(sys.argv[3])
shutil.rmtree(work, ignore_errors=True)
work.mkdir(parents=True)
try:
    os.close(os.open(work, os.O_TMPFILE | os.O_WRONLY))
except OSError as error:
    print(f"{work}: no files without a name: {error}")
    sys.exit(77)


def limit():
    # SIGXFSZ comes when the file is to grow beyond this, so always in the middle of the work; nobody handles it.
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, 1 << 20))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    signal.signal(signal.SIGXFSZ, signal.SIG_DFL)  # Python ignores it, and children would


done = subprocess.run([rosenblatt, "make-model", "--shape", "tiny", "--layers", "2", "--vocab", vocabulary,
                       "-o", work / "model.gguf"], preexec_fn=limit, capture_output=True, text=True)
if done.returncode != -signal.SIGXFSZ:
    sys.exit(f"it was not killed: exit {done.returncode}\n{done.stdout}{done.stderr}")
if left := list(work.iterdir()):
    sys.exit(f"it left {left}")
