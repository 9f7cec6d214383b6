"""What may stand in a page."""

import json
import re

from seedsweep.report.page import as_script


def test_scripts_hold_any_text() -> None:
    text = as_script(["</script><!--", "\u2028", "é"])
    assert not re.search("[<>&\u2028]", text)
    assert json.loads(text) == ["</script><!--", "\u2028", "é"]
