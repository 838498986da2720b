#!/usr/bin/env python3
"""Writes the bill of materials of a build as CycloneDX 1.6 (JSON), to standard output.

    scripts/sbom.py --version 0.1.0 [--resolved Package.resolved] [FILE...]

Lists the packages of Package.resolved, which every build writes, the Swift runtime, which is linked statically, and zlib. The
FILEs are what was built; each gets its SHA-256. The same inputs always give the same bytes: the time is SOURCE_DATE_EPOCH,
otherwise that of the commit.
"""

import argparse
import datetime
import hashlib
import json
import os
import pathlib
import re
import subprocess
import sys
import urllib.parse
import uuid

ROOT = pathlib.Path(__file__).resolve().parent.parent
# The licence of each package: a package that is missing here is an error, so that a new one is looked at.
LICENSES = {
    "swift": "Apache-2.0 WITH Swift-exception",
    "swift-argument-parser": "Apache-2.0 WITH Swift-exception",
    "swift-collections": "Apache-2.0 WITH Swift-exception",
    "swift-numerics": "Apache-2.0 WITH Swift-exception",
    "zlib": "Zlib",
}


def output(*command):
    try:
        return subprocess.run(command, capture_output=True, text=True, cwd=ROOT).stdout
    except FileNotFoundError:
        return ""


def licensed(name):
    if name not in LICENSES:
        sys.exit(f"sbom.py: the licence of {name} is unknown: add it to LICENSES in scripts/sbom.py")
    text = LICENSES[name]
    return [{"expression": text} if " " in text else {"license": {"id": text}}]


def packages(resolved):
    """The packages that Swift's package manager fetched."""
    for pin in sorted(json.loads(resolved.read_text())["pins"], key=lambda pin: pin["identity"]):
        name, state = pin["identity"], pin["state"]
        location = pin["location"].removesuffix(".git")
        address = urllib.parse.urlparse(location)
        version = state.get("version") or state["revision"]
        yield {
            "type": "library", "bom-ref": name, "name": name, "version": version, "scope": "required",
            "licenses": licensed(name),
            "purl": f"pkg:swift/{address.netloc}{address.path}@{version}",
            "externalReferences": [{"type": "vcs", "url": location, "comment": f"commit {state['revision']}"}],
        }


def toolchain():
    """The Swift runtime and standard library."""
    found = re.search(r"Swift version (\S+)", output("swift", "--version"))
    if not found:
        sys.exit("sbom.py: the version of Swift is unknown: swift is not in PATH")
    return {
        "type": "library", "bom-ref": "swift", "name": "swift", "version": found[1], "scope": "required",
        "description": "The runtime, the standard library and Foundation of the toolchain, linked statically",
        "licenses": licensed("swift"), "purl": f"pkg:swift/github.com/swiftlang/swift@{found[1]}",
    }


def zlib():
    """zlib, which is linked dynamically: the version that was compiled against."""
    headers = [pathlib.Path("/usr/include/zlib.h")]
    sdk = output("xcrun", "--show-sdk-path").strip()
    if sdk:
        headers.append(pathlib.Path(sdk) / "usr/include/zlib.h")
    for header in headers:
        if header.exists():
            version = re.search(r'#define ZLIB_VERSION "([^"]+)"', header.read_text(errors="replace"))[1]
            return {"type": "library", "bom-ref": "zlib", "name": "zlib", "version": version, "scope": "required",
                    "description": "Linked dynamically: the version of the system where it runs may be a later one",
                    "licenses": licensed("zlib"), "purl": f"pkg:generic/zlib@{version}"}
    sys.exit("sbom.py: zlib.h was not found: install zlib1g-dev")


def bill(version, resolved, files):
    epoch = os.environ.get("SOURCE_DATE_EPOCH") or output("git", "log", "-1", "--format=%ct").strip() or "0"
    time = datetime.datetime.fromtimestamp(int(epoch), datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
    libraries = [*packages(resolved), toolchain(), zlib()]
    built = [
        {"type": "file", "bom-ref": f"file:{file.name}", "name": file.name,
         "hashes": [{"alg": "SHA-256", "content": hashlib.sha256(file.read_bytes()).hexdigest()}]} for file in files]
    application = {
        "type": "application", "bom-ref": "espalier", "name": "espalier", "version": version,
        "description": "Checkpoints, selectors and freeze masks", "licenses": [{"license": {"id": "Apache-2.0"}}],
        "purl": f"pkg:generic/espalier@{version}",
    }
    if built:
        application["components"] = built
    names = [library["bom-ref"] for library in libraries]
    result = {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json", "bomFormat": "CycloneDX", "specVersion": "1.6",
        "version": 1,
        "metadata": {"timestamp": time, "component": application},
        "components": libraries,
        "dependencies": [{"ref": "espalier", "dependsOn": names}, *({"ref": name, "dependsOn": []} for name in names)],
    }
    # The number is derived from the contents: the same build has the same number.
    result["serialNumber"] = f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_URL, json.dumps(result, sort_keys=True))}"
    return result


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--version", required=True)
    parser.add_argument("--resolved", type=pathlib.Path, default=ROOT / "Package.resolved")
    parser.add_argument("files", nargs="*", type=pathlib.Path)
    options = parser.parse_args()
    if not options.resolved.exists():
        sys.exit(f"sbom.py: {options.resolved} is missing: run swift package resolve")
    json.dump(bill(options.version, options.resolved, options.files), sys.stdout, indent=2)
    print()


if __name__ == "__main__":
    main()
