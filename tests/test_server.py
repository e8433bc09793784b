from __future__ import annotations

import sys
from collections.abc import AsyncIterator  # noqa: TC003 - read when the tests run
from pathlib import Path

import pytest

pytest_lsp = pytest.importorskip("pytest_lsp", reason="the extra [dev] has the client")
from lsprotocol import types  # noqa: E402
from pytest_lsp import ClientServerConfig, LanguageClient, client_capabilities  # noqa: E402

ROOT = Path(__file__).parent.parent
CONFIG = """\
# größe 🙂
model_name_or_path: Qwen/Qwen3-8B
dataset_name: trl-lib/Capybara
use_peft: true
lora_r: 16
lora_alpha: 32
lora_dropout: -0.5
per_device_train_batch_size: 4
gradient_accumulation_steps: 8
bf16: true
op
"""
SERVER = ClientServerConfig(
    server_command=[sys.executable, "-m", "lora_advisor", "server"],
    server_env={"PYTHONPATH": str(ROOT)},
)


@pytest_lsp.fixture(config=SERVER)  # type: ignore[untyped-decorator]
async def client(lsp_client: LanguageClient) -> AsyncIterator[None]:
    capabilities = client_capabilities("visual-studio-code")
    parameters = types.InitializeParams(capabilities=capabilities, root_uri=None)
    await lsp_client.initialize_session(parameters)
    yield
    await lsp_client.shutdown_session()


async def opened(client: LanguageClient, folder: Path, text: str, name: str = "a.yaml") -> str:
    (folder / ".git").mkdir(exist_ok=True)
    uri = (folder / name).as_uri()
    item = types.TextDocumentItem(uri=uri, language_id="yaml", version=1, text=text)
    client.text_document_did_open(types.DidOpenTextDocumentParams(text_document=item))
    await client.wait_for_notification(types.TEXT_DOCUMENT_PUBLISH_DIAGNOSTICS)
    return uri


def place(text: str, wanted: str) -> types.Position:
    before, _, _ = text.partition(wanted)
    return types.Position(line=before.count("\n"), character=len(before.rpartition("\n")[2]))


GOOD = CONFIG.replace("op\n", "")


@pytest.mark.asyncio
async def test_diagnostics_come_and_go(client: LanguageClient, tmp_path: Path) -> None:
    uri = await opened(client, tmp_path, GOOD)
    (found,) = [d for d in client.diagnostics[uri] if d.code == "LA110"]
    assert found.severity == types.DiagnosticSeverity.Warning
    assert found.range.start == types.Position(line=6, character=14)
    assert found.code_description is not None
    changed = types.TextDocumentContentChangeWholeDocument(text=GOOD.replace("-0.5", "0.05"))
    client.text_document_did_change(
        types.DidChangeTextDocumentParams(
            text_document=types.VersionedTextDocumentIdentifier(uri=uri, version=2),
            content_changes=[changed],
        )
    )
    await client.wait_for_notification(types.TEXT_DOCUMENT_PUBLISH_DIAGNOSTICS)
    assert "LA110" not in {d.code for d in client.diagnostics[uri]}


@pytest.mark.asyncio
async def test_a_text_that_cannot_be_read(client: LanguageClient, tmp_path: Path) -> None:
    uri = await opened(client, tmp_path, "base_model: [a\n")
    (found,) = client.diagnostics[uri]
    assert found.severity == types.DiagnosticSeverity.Error


@pytest.mark.asyncio
async def test_hover_tells_the_effective_batch(client: LanguageClient, tmp_path: Path) -> None:
    uri = await opened(client, tmp_path, GOOD)
    hover = await client.text_document_hover_async(
        types.HoverParams(
            text_document=types.TextDocumentIdentifier(uri=uri),
            position=place(GOOD, "gradient_accumulation_steps"),
        )
    )
    assert hover is not None
    assert isinstance(hover.contents, types.MarkupContent)
    assert "`train.gradient_accumulation_steps`: `8`" in hover.contents.value
    assert "32" in hover.contents.value
    assert "*A higher value:*" in hover.contents.value
    assert "unknown ()" not in hover.contents.value


@pytest.mark.asyncio
async def test_actions_repair_and_ignore(client: LanguageClient, tmp_path: Path) -> None:
    uri = await opened(client, tmp_path, GOOD)
    at = place(GOOD, "lora_dropout")
    actions = await client.text_document_code_action_async(
        types.CodeActionParams(
            text_document=types.TextDocumentIdentifier(uri=uri),
            range=types.Range(start=at, end=at),
            context=types.CodeActionContext(diagnostics=[]),
        )
    )
    assert actions
    titles = [action.title for action in actions]
    assert titles == ["Write the 0 that it means (LA110)", "Ignore dropout-negative here"]
    repair, ignore = actions
    assert isinstance(repair, types.CodeAction)
    assert repair.edit is not None
    assert repair.edit.changes is not None
    (edit,) = repair.edit.changes[uri]
    assert (edit.new_text, edit.range.start.character) == ("0.0", 14)
    assert isinstance(ignore, types.CodeAction)
    assert ignore.edit is not None
    assert ignore.edit.changes is not None
    assert "ignore[dropout-negative]" in ignore.edit.changes[uri][0].new_text


@pytest.mark.asyncio
async def test_keys_and_words_are_completed(client: LanguageClient, tmp_path: Path) -> None:
    text = GOOD + "lr_scheduler_type: \nlora_tar"
    uri = await opened(client, tmp_path, text + ": 1\n")
    keys = await labels(client, uri, types.Position(line=11, character=8))
    assert "lora_target_modules" in keys
    assert "lora_r" not in keys  # written already
    assert "cosine" in await labels(client, uri, types.Position(line=10, character=19))


async def labels(client: LanguageClient, uri: str, position: types.Position) -> list[str]:
    found = await client.text_document_completion_async(
        types.CompletionParams(
            text_document=types.TextDocumentIdentifier(uri=uri), position=position
        )
    )
    assert isinstance(found, list)
    return [item.label for item in found]


@pytest.mark.asyncio
async def test_named_files_are_links(client: LanguageClient, tmp_path: Path) -> None:
    (tmp_path / "ds.json").write_text('{"zero_optimization": {"stage": 2}}')
    uri = await opened(client, tmp_path, GOOD + "deepspeed: ds.json\n")
    links = await client.text_document_document_link_async(
        types.DocumentLinkParams(text_document=types.TextDocumentIdentifier(uri=uri))
    )
    assert links
    assert links[0].target == (tmp_path / "ds.json").as_uri()
