"""Tags the wheel: it holds a binary and a library of one platform, and fits every Python 3."""

import os
import sysconfig

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class CustomBuildHook(BuildHookInterface):
    def initialize(self, version, build_data):
        for path in ("build/espalier", "src/espalier/_lib"):
            if not os.path.exists(os.path.join(self.root, path)):
                raise SystemExit(f"{path} is missing: run scripts/build-wheel")
        platform = os.environ.get("ESPALIER_WHEEL_PLATFORM") or sysconfig.get_platform()
        build_data["pure_python"] = False
        build_data["tag"] = "py3-none-" + platform.replace("-", "_").replace(".", "_")
