"""SQLite is kept off network file systems, which are found by what is mounted where."""

from pathlib import Path

import pytest

from seedsweep.errors import ConfigError
from seedsweep.tracking import file_systems
from seedsweep.tracking.connection import connect
from seedsweep.tracking.file_systems import file_system_of, network_file_system

MOUNTS = r"""overlay / overlay rw,relatime 0 0
server:/home /home nfs4 rw,vers=4.2 0 0
/dev/sda1 /home/me/local\040disk ext4 rw 0 0
10.0.0.1@tcp:/scratch /scratch lustre rw,flock 0 0
me@host:/data /remote fuse.sshfs rw 0 0
tmpfs /home tmpfs rw 0 0
server:/home /home nfs4 rw 0 0
"""


@pytest.mark.parametrize(
    ("file", "kind"),
    [
        ("/tmp/a.db", "overlay"),
        ("/home/me/a.db", "nfs4"),
        ("/homes/a.db", "overlay"),
        ("/home/me/local disk/a.db", "ext4"),
        ("/scratch/deep/a.db", "lustre"),
        ("/remote/a.db", "fuse.sshfs"),
    ],
)
def test_a_file_is_on_the_innermost_mount(file: str, kind: str) -> None:
    assert file_system_of(Path(file), MOUNTS) == kind


def test_sqlite_on_a_network_file_system_is_refused_with_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert network_file_system(tmp_path / "a.db") is None
    mounts = tmp_path / "mounts"
    mounts.write_text(f"a / ext4 rw 0 0\nserver:/x {tmp_path} beegfs rw 0 0\n")
    monkeypatch.setattr(file_systems, "MOUNTS", mounts)
    with pytest.raises(ConfigError, match=r"network file system \(beegfs\).*PostgreSQL or an MLflow server"):
        connect(f"sqlite:///{tmp_path}/a.db", create=True)
    assert not (tmp_path / "a.db").exists()
