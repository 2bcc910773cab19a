import pytest

from ganray.text import FrontEnd, front_end


@pytest.fixture(scope="session")
def english() -> FrontEnd:
    return front_end("english")
