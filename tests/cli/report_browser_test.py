#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""report_browser_test.py ROSENBLATT SOURCE-DIR [SCREENSHOT.png]: makes the report from the committed samples and opens it in
headless Chromium, wide, as a phone and dark. Chromium is Debian's package, installed here if that is possible; exit 77 if not."""

import os
import re
import shutil
import subprocess
import sys
import tempfile

PROGRAM, SOURCE = sys.argv[1:3]
FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--hide-scrollbars",
         "--disable-background-networking", "--disable-component-update", "--disable-sync", "--enable-logging=stderr"]


def find_browser():
    names = ("chromium", "chromium-browser", "google-chrome")
    found = next(filter(None, map(shutil.which, names)), None)
    if not found and os.geteuid() == 0 and shutil.which("apt-get"):
        subprocess.run(["apt-get", "install", "-y", "-qq", "--no-install-recommends", "chromium"],
                       stdin=subprocess.DEVNULL, capture_output=True, env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"})
        found = shutil.which("chromium")
    return found


def browse(browser, work, page, *options):
    """The page's console lines, and standard output."""
    with tempfile.TemporaryDirectory(dir=work) as profile:
        done = subprocess.run([browser, *FLAGS, f"--user-data-dir={profile}", *options, f"file://{page}"],
                              capture_output=True, text=True, timeout=120, check=True)
    return [line for line in done.stderr.splitlines() if ":CONSOLE" in line], done.stdout


def check_page(text):
    assert len(text.encode()) < 1_000_000, len(text)
    assert text.count("<svg ") >= 4, text.count("<svg ")
    assert not re.search(r"(src|href)\s*=|url\(|@import|https?:", text), "the page refers to something outside itself"
    for part in ("Audit", "Where the time goes", "Roofline", "Lanes during one prefill", "Accuracy", "Baselines over time"):
        assert f"<h2>{part}</h2>" in text, part


def main():
    browser = find_browser()
    if not browser:
        print("skipped: no chromium on PATH, and Debian's package chromium could not be installed")
        sys.exit(77)
    with tempfile.TemporaryDirectory() as work:
        page = f"{work}/report.html"
        subprocess.run([PROGRAM, "report", "--records", SOURCE, "-o", page], check=True)
        text = open(page).read()
        check_page(text)
        # The test must be able to fail: a request the page's policy forbids shows on the console.
        broken = f"{work}/broken.html"
        open(broken, "w").write(text.replace("<h1>", '<img src="http://127.0.0.1:9/x.png"><h1>'))
        console, _ = browse(browser, work, broken, "--dump-dom")
        assert console, "a forbidden request went unnoticed"

        console, dom = browse(browser, work, page, "--dump-dom")
        assert not console, console
        assert dom.count("<svg ") == text.count("<svg "), "the browser understood another page than was written"
        shot = sys.argv[3] if len(sys.argv) > 3 else f"{work}/wide.png"
        for file, size, more in ((shot, "620,3100", []), (f"{work}/phone.png", "500,5200", []),
                                 (f"{work}/dark.png", "620,3100", ["--blink-settings=preferredColorScheme=0"])):
            console, _ = browse(browser, work, page, f"--window-size={size}", f"--screenshot={file}", *more)
            assert not console, console
            assert os.path.getsize(file) > 20_000, f"{file} is all but empty"
    print(f"{len(text) // 1000} kB, {text.count('<svg ')} charts, no console line")


main()
