"""What cleanvision takes for the same images: ``cleanvision_.py DATA`` prints the seconds as JSON.

Run in an environment of its own, with its issues and number of processes as they come.
"""

from __future__ import annotations

import contextlib
import io
import json
import sys
import time


def main() -> None:
    from cleanvision import Imagelab

    begun = time.perf_counter()
    with contextlib.redirect_stdout(io.StringIO()):
        lab = Imagelab(data_path=sys.argv[1])
        lab.find_issues()
    ended = time.perf_counter()
    told = {"images": len(lab.issues), "inspect_s": round(ended - begun, 3)}
    print(json.dumps(told))


if __name__ == "__main__":
    main()
