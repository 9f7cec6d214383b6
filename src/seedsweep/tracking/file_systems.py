"""Whether a file would be on a network file system, where SQLite's locks do not hold."""

import re
from pathlib import Path

# by which hosts share files, as Linux names them; those of FUSE have a prefix
NETWORK = {
    *("nfs", "nfs4", "cifs", "smb3", "smbfs", "lustre", "gpfs", "mmfs", "beegfs", "fhgfs", "ceph", "glusterfs", "afs"),
    *(
        "orangefs",
        "pvfs2",
        "panfs",
        "ocfs2",
        "gfs2",
        "weka",
        "wekafs",
        "vastnfs",
        "daos",
        "sshfs",
        "moosefs",
        "juicefs",
    ),
}
MOUNTS = Path("/proc/self/mounts")


def network_file_system(file: Path) -> str | None:
    """The kind of network file system that a file is on.

    Args:
        file: which need not exist yet.

    Returns:
        Its name, such as `nfs4`; None where it is a local one, or the system does not say.
    """
    try:
        kind = file_system_of(file.resolve(), MOUNTS.read_text())
    except OSError:
        return None
    return kind if kind.removeprefix("fuse.") in NETWORK else None


def file_system_of(file: Path, mounts: str) -> str:
    """The kind of file system that a file is on.

    Args:
        file: resolved.
        mounts: lines as in `/proc/mounts`: a device, a folder, a kind, and others.

    Returns:
        The kind of the last mount of the innermost folder that holds the file; empty if there is none.
    """
    innermost, kind = -1, ""
    for line in mounts.splitlines():
        _, folder, mounted, *_ = line.split(" ")
        path = Path(re.sub(r"\\([0-7]{3})", lambda code: chr(int(code[1], 8)), folder))
        if file.is_relative_to(path) and len(path.parts) >= innermost:
            innermost, kind = len(path.parts), mounted
    return kind
