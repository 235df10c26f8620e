"""The hosts of Agora's REST API, against those of Agora's own SDK."""

import pytest
from agora_agent.core.domain import REGION_DOMAIN, Area, Pool

from session_service.agora.conversational_ai import AREAS, base_url
from session_service.errors import InvalidValue


@pytest.mark.parametrize("area", [Area.US, Area.EU, Area.AP, Area.CN])
def test_every_region_of_the_sdk_has_its_word_and_its_url(area: Area, monkeypatch: pytest.MonkeyPatch) -> None:
    """The SDK's first domain of each area, and its path."""
    monkeypatch.delenv("AGORA_AGENTS_API_BASE_URL", raising=False)
    pool = Pool(area)
    for prefix in REGION_DOMAIN[area].region_domain_prefixes:
        assert base_url(prefix.removeprefix("api-")) == pool.get_current_url()
        pool.next_region()


def test_there_is_no_other_area_than_the_sdks_and_the_whole_world() -> None:
    """The whole world's is the SDK's default."""
    prefixes = {prefix for domain in REGION_DOMAIN.values() for prefix in domain.region_domain_prefixes}
    assert {f"api-{word}" for word in AREAS} - {"api-global"} == prefixes
    assert base_url("global") == "https://api.agora.io/api/conversational-ai-agent"


def test_a_word_that_is_no_area_is_refused_with_those_that_are() -> None:
    """And without the word."""
    with pytest.raises(InvalidValue, match="global, us-west-1") as caught:
        base_url("sentinel")
    assert "sentinel" not in str(caught.value)
