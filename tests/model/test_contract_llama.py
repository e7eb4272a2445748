"""The contract on the tiny model, and the hazards of the library under it."""

from __future__ import annotations

import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Literal

import pytest

from slearn.engine import (
    Engine,
    EngineSettings,
    GenerateRequest,
    Grammar,
    Message,
    Sampling,
    ScoreRequest,
    grammar_of,
    open_engine,
)
from slearn.errors import EngineError, ModelFileError
from tests.engine.contract import (
    YES_NO,
    EngineContract,
    ask,
    choice,
    use_after_close,
    use_from_another_thread,
)

pytestmark = pytest.mark.model


class TestLlama(EngineContract):
    @pytest.fixture
    def engine(self, tiny: Engine) -> Engine:
        return tiny


def test_a_shared_prefix_is_computed_once(tiny: Engine) -> None:
    long = "Rules: " + "be brief and polite and exact. " * 20
    requests = [GenerateRequest(ask(f"Is {n} odd?", long), YES_NO, max_tokens=8) for n in range(9)]
    results = tiny.generate(requests)
    prefix = tiny.count_tokens(long)
    assert sum(result.usage.prompt for result in results) < 2 * prefix
    assert sum(result.usage.shared for result in results) > 7 * prefix


def test_company_does_not_change_what_an_answer_means(tiny: Engine) -> None:
    """Batching moves last bits, no more: likelihoods agree to a few hundredths of a nat."""
    requests = [ScoreRequest(ask(f"Is {n} cold?"), ("yes", "no"), YES_NO) for n in range(9)]
    together = tiny.score(requests)
    alone = [tiny.score([request])[0] for request in requests]
    for left, right in zip(together, alone, strict=True):
        assert left.logprobs == pytest.approx(right.logprobs, abs=0.15)


def test_scores_agree_with_a_plain_reference(
    tiny_path: Path, tiny: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """log p of a free text equals the sum over full softmaxes of the library's own class."""
    import llama_cpp
    import numpy as np
    from llama_cpp import llama_cpp as native

    defaults = native.llama_model_default_params

    def without_packing() -> native.llama_model_params:  # packed for AMX, this process may end
        params = defaults()
        params.use_extra_bufts = False
        return params

    monkeypatch.setattr(native, "llama_model_default_params", without_packing)
    messages = (Message("user", "Say hello."),)
    (score,) = tiny.score([ScoreRequest(messages, ("Hello there",))])
    plain = llama_cpp.Llama(str(tiny_path), n_ctx=256, logits_all=True, verbose=False)
    prompt = plain.tokenize(
        b"<|im_start|>system\nYou are a helpful AI assistant named SmolLM, trained by Hugging Face"
        b"<|im_end|>\n<|im_start|>user\nSay hello.<|im_end|>\n<|im_start|>assistant\n",
        add_bos=False,
        special=True,
    )
    target = plain.tokenize(b"Hello there", add_bos=False)
    plain.eval([*prompt, *target])
    logits = np.array(plain.scores[: len(prompt) + len(target)], dtype=np.float64)
    logp = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
    rows = range(len(prompt) - 1, len(prompt) + len(target) - 1)
    expected = sum(logp[row, token] for row, token in zip(rows, target, strict=True))
    ends = [t for t in range(logits.shape[1]) if llama_cpp.llama_vocab_is_eog(
        llama_cpp.llama_model_get_vocab(plain.model), t)]  # fmt: skip
    expected += np.log(np.exp(logp[-1, ends]).sum())
    plain.close()
    assert score.logprobs[0] == pytest.approx(expected, abs=0.15)


def test_a_queue_longer_than_the_sequences_and_the_cache(tiny: Engine) -> None:
    requests = [
        GenerateRequest(ask("word " * (10 + 37 * (n % 11)) + str(n)), YES_NO, max_tokens=8)
        for n in range(40)
    ]
    results = tiny.generate(requests)
    assert all(result.valid for result in results)


def test_a_prompt_that_fills_the_whole_window(tiny: Engine) -> None:
    window = 2048
    words = 1900
    while tiny.count_tokens("word " * words) < window - 130:
        words += 10
    (result,) = tiny.generate([GenerateRequest(ask("word " * words), YES_NO, max_tokens=8)])
    assert result.text in ("yes", "no")


def test_long_pieces_and_odd_bytes_survive(tiny: Engine) -> None:
    text = "—" * 40 + " " * 64 + "naïve 中文 🦜\u2028end"
    grammar = Grammar(f'start: "{text}"')
    (result,) = tiny.generate([GenerateRequest(ask("Copy."), grammar, max_tokens=400)])
    assert result.text == text


def test_a_closed_engine_refuses_work(tiny_path: Path) -> None:
    settings = EngineSettings(cells=256, sequences=1, batch_size=32)
    use_after_close(open_engine(tiny_path, sha256="tiny", settings=settings))


def test_another_thread_is_refused(tiny: Engine) -> None:
    assert isinstance(use_from_another_thread(tiny), EngineError)
    assert tiny.generate([choice("Still there?")])[0].valid


def test_an_interrupt_in_a_round_leaves_the_engine_usable(tiny: Engine) -> None:
    def interrupt(*_: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        tiny.generate([choice(f"Is {n} odd?") for n in range(9)], interrupt)
    again = tiny.generate([choice(f"Is {n} odd?") for n in range(9)])
    assert all(result.valid for result in again)


@pytest.mark.parametrize("size", [0, 100, 5_000_000])
def test_a_damaged_model_file_gives_one_clear_error(
    tiny_path: Path, tmp_path: Path, size: int
) -> None:
    damaged = tmp_path / "damaged.gguf"
    with tiny_path.open("rb") as whole:
        damaged.write_bytes(whole.read(size))
    with pytest.raises(ModelFileError) as caught:
        open_engine(damaged, sha256="x")
    assert "\n" not in str(caught.value)


def test_a_hostile_chat_template_cannot_run_code(tiny_path: Path, tmp_path: Path) -> None:
    from slearn.engine.chat import ChatTemplate
    from slearn.engine.context import Context
    from slearn.engine.vocab import Vocab

    context = Context(tiny_path, EngineSettings(cells=256, sequences=1, batch_size=32))
    vocab = Vocab(context.model)
    mark = tmp_path / "mark"
    template = (
        "{{ ''.__class__.__mro__[1].__subclasses__() }}"
        f"{{{{ cycler.__init__.__globals__.os.system('touch {mark}') }}}}"
    )
    with pytest.raises(ModelFileError):
        ChatTemplate(template, vocab)
    assert not mark.exists()
    context.close()


def test_the_library_is_silent(tiny_path: Path, tmp_path: Path) -> None:
    shutil.copy(tiny_path, tmp_path / "model.gguf")
    code = (
        "from pathlib import Path; from slearn.engine import *;"
        f"e = open_engine(Path({str(tmp_path / 'model.gguf')!r}), sha256='x');"
        "e.generate([GenerateRequest((Message('user', 'hi'),), max_tokens=2)]); e.close()"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("", "")


def test_what_the_grammar_forces_is_not_decoded(tiny: Engine) -> None:
    """One choice in three: the rest of a label is known after its first token."""
    labels = grammar_of(Literal["extraordinarily long label", "other label of the kind", "third"])
    (result,) = tiny.generate([GenerateRequest(ask("Which?"), labels, max_tokens=40)])
    assert result.finish == "end" and result.valid
    assert result.text in ("extraordinarily long label", "other label of the kind", "third")
    assert result.usage.generated <= 2
    (only,) = tiny.generate([GenerateRequest(ask("Which?"), Grammar('start: "this one alone"'))])
    assert (only.text, only.usage.computed) == ("this one alone", 0)


def test_forced_text_is_cut_by_stops_and_limits(tiny: Engine) -> None:
    grammar = Grammar('start: "one two three four"')
    requests = [
        GenerateRequest(ask("Count."), grammar, stop=(" three",)),
        GenerateRequest(ask("Count."), grammar, max_tokens=2),
        GenerateRequest(ask("Count."), grammar, max_tokens=0),
    ]
    stopped, short, none = tiny.generate(requests)
    assert (stopped.text, stopped.finish) == ("one two", "stop")
    assert (short.text, short.finish, short.valid) == ("one two", "length", False)
    assert (none.text, none.finish) == ("", "length")


def test_an_answer_that_is_whole_ends_where_the_model_would_leave_the_grammar(
    tiny: Engine,
) -> None:
    """After "7" the model would write " books": that ends the number, and does not lengthen it."""
    digits = Grammar("start: /[0-9]{1,12}/")
    shown = (
        Message("user", "Tom has 3 books and 4 more."),
        Message("assistant", "7 books"),
        Message("user", "Ann has 2 pens and 3 more."),
        Message("assistant", "5 pens"),
    )
    request = GenerateRequest((*shown, Message("user", "Eva has 1 cup and 1 more.")), digits)
    (found,) = tiny.generate([request])
    assert len(found.text) <= 2 and found.valid and found.finish == "end"
    # Scoring says the same: the whole number is far likelier than one with more digits.
    (score,) = tiny.score([ScoreRequest(request.messages, (found.text, found.text + "0"), digits)])
    assert score.logprobs[0] > score.logprobs[1] + 1


def test_a_text_that_comes_near_its_limit_is_brought_to_an_end(tiny: Engine) -> None:
    from slearn.tools import code_grammar

    grammar = code_grammar("solve(text: str) -> str:")
    asked = ask("Write `solve`: a long function with many branches, loops and tests.")
    wild = Sampling(temperature=1.3)
    requests = [
        GenerateRequest(asked, grammar, wild, seed, 80 + 2 * seed, closing=True)
        for seed in range(24)
    ]
    found = tiny.generate(requests)
    assert [one.text for one in found if not one.valid] == []
    assert all(one.text.endswith("```") for one in found)
    cut = tiny.generate([replace(request, closing=False) for request in requests])
    assert sum(not one.valid for one in cut) > 3  # else it shows nothing
