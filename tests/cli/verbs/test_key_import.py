"""Import keys from KIS's own sample settings into `.env`: all or none, private, and never printed."""

import stat
from pathlib import Path

import pytest
from dotenv import dotenv_values

from cli.verbs.key_import import KeyImportError, import_keys
from domain.identity import Environment

PAPER_SECRET = "p/Q+=" * 36
SECRETS = ("A" * 36, "s" * 180, "B" * 36, PAPER_SECRET, "01234567", "50067821")
KIS_FILE = f"""
#홈페이지에서 API서비스 신청시 받은 Appkey, Appsecret 값 설정
my_app: "{"A" * 36}"
my_sec: "{"s" * 180}"
paper_app: "{"B" * 36}"
paper_sec: "{PAPER_SECRET}"
my_htsid: "some'body"
my_acct_stock: 01234567
my_paper_stock: "50067821"
my_prod: "01" # 종합계좌
prod: "https://openapi.koreainvestment.com:9443"
my_agent: "Mozilla/5.0"
"""
TEMPLATE = """
my_app: "앱키"
my_sec: "앱키 시크릿"
paper_app: "모의투자 앱키"
paper_sec: ""
my_htsid: "사용자 HTS ID"
my_paper_stock: "모의투자 증권계좌 8자리"
my_prod: "01"
"""


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "kis_devlp.yaml"
    path.write_text(KIS_FILE)
    return path


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / ".env"


def shows_a_secret(text: str) -> bool:
    return any(secret in text for secret in SECRETS)


def test_the_paper_keys_become_the_settings_of_a_paper_account(source: Path, target: Path) -> None:
    done = import_keys(source, target, Environment.PAPER)

    assert dotenv_values(target) == {
        "HARU_BROKER__ENVIRONMENT": "paper",
        "HARU_BROKER__APP_KEY": "B" * 36,
        "HARU_BROKER__APP_SECRET": PAPER_SECRET,
        "HARU_BROKER__ACCOUNT": "50067821-01",
        "HARU_BROKER__HTS_ID": "some'body",
    }
    assert len(done.written) == 5
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    assert not shows_a_secret(str(done))


def test_an_account_with_a_leading_zero_is_no_octal_number(source: Path, target: Path) -> None:
    import_keys(source, target, Environment.LIVE)

    assert dotenv_values(target)["HARU_BROKER__ACCOUNT"] == "01234567-01"
    assert dotenv_values(target)["HARU_BROKER__ENVIRONMENT"] == "live"


def test_other_lines_and_comments_stay_and_the_file_is_closed_to_others(source: Path, target: Path) -> None:
    target.write_text("# mine\nHARU_SIMULATOR__SEED=3\n\nHARU_BROKER__HTS_ID=\n# the end\n")
    target.chmod(0o644)

    import_keys(source, target, Environment.PAPER)

    lines = target.read_text().splitlines()
    assert lines[:3] == ["# mine", "HARU_SIMULATOR__SEED=3", ""]
    assert lines[3].startswith("HARU_BROKER__HTS_ID=")
    assert lines[4] == "# the end"
    assert target.read_text().count("HARU_BROKER__HTS_ID") == 1
    assert stat.S_IMODE(target.stat().st_mode) == 0o600


def test_importing_again_changes_nothing(source: Path, target: Path) -> None:
    import_keys(source, target, Environment.PAPER)
    before = target.read_text()

    done = import_keys(source, target, Environment.PAPER)

    assert (done.written, len(done.unchanged)) == ((), 5)
    assert target.read_text() == before


def test_other_values_are_only_overwritten_on_request(source: Path, target: Path) -> None:
    import_keys(source, target, Environment.PAPER)
    before = target.read_text()

    with pytest.raises(KeyImportError, match="another HARU_BROKER__ENVIRONMENT, HARU_BROKER__APP_KEY") as raised:
        import_keys(source, target, Environment.LIVE)

    assert target.read_text() == before
    assert not shows_a_secret(str(raised.value))
    import_keys(source, target, Environment.LIVE, replace=True)
    assert dotenv_values(target)["HARU_BROKER__APP_KEY"] == "A" * 36
    assert target.read_text().count("HARU_BROKER__APP_KEY") == 1


def test_placeholders_and_gaps_are_named_together_and_nothing_is_written(source: Path, target: Path) -> None:
    source.write_text(TEMPLATE)

    with pytest.raises(KeyImportError) as raised:
        import_keys(source, target, Environment.PAPER)

    text = str(raised.value)
    assert "paper_app is a placeholder" in text
    assert "paper_sec is missing" in text
    assert "my_paper_stock is not eight digits" in text
    assert "my_htsid looks like a placeholder" in text
    assert "my_app" not in text
    assert "apiportal.koreainvestment.com" in text
    assert not target.exists()


def test_half_a_key_is_reported_by_its_length_alone(source: Path, target: Path) -> None:
    source.write_text(KIS_FILE.replace("B" * 36, "B" * 35))

    with pytest.raises(KeyImportError, match="paper_app has 35 characters, KIS's have 36") as raised:
        import_keys(source, target, Environment.PAPER)

    assert "B" * 10 not in str(raised.value)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (f'my_app: "{"A" * 36}\nmy_sec: x', "is not YAML, line"),
        ("- just\n- a list", "does not hold KIS's settings"),
        ("", "does not hold KIS's settings"),
    ],
)
def test_a_file_of_another_kind_is_reported_without_its_content(
    source: Path, target: Path, content: str, said: str
) -> None:
    source.write_text(content)

    with pytest.raises(KeyImportError, match=said) as raised:
        import_keys(source, target, Environment.PAPER)

    assert not shows_a_secret(str(raised.value))


def test_a_file_that_is_not_there_is_reported_with_the_way_to_name_it(tmp_path: Path, target: Path) -> None:
    with pytest.raises(KeyImportError, match="is not there; name the file"):
        import_keys(tmp_path / "nowhere.yaml", target, Environment.PAPER)


def test_the_file_of_secrets_enters_neither_the_repository_nor_an_image() -> None:
    root = Path(__file__).resolve().parents[3]

    assert ".env" in (root / ".gitignore").read_text().splitlines()
    image = (root / ".dockerignore").read_text().splitlines()
    assert image[0] == "*"
    assert "!.env" not in image
