"""LaTeX as it comes in answers, in Unicode: common commands and scripts; the rest stays as it is."""

import re
from functools import lru_cache

# Names and what they become, one pair after the other.
_PAIRS = """
alpha α  beta β  gamma γ  delta δ  epsilon ε  zeta ζ  eta η  theta θ  iota ι  kappa κ  lambda λ
mu μ  nu ν  xi ξ  pi π  rho ρ  sigma σ  tau τ  upsilon υ  phi φ  chi χ  psi ψ  omega ω  Gamma Γ
Delta Δ  Theta Θ  Lambda Λ  Xi Ξ  Pi Π  Sigma Σ  Upsilon Υ  Phi Φ  Psi Ψ  Omega Ω  varepsilon ε
vartheta ϑ  varphi φ  to →  rightarrow →  leftarrow ←  leftrightarrow ↔  mapsto ↦  Rightarrow ⇒
Leftarrow ⇐  Leftrightarrow ⇔  implies ⇒  iff ⇔  uparrow ↑  downarrow ↓  gets ←  longrightarrow ⟶
le ≤  leq ≤  ge ≥  geq ≥  ne ≠  neq ≠  approx ≈  sim ∼  equiv ≡  propto ∝  ll ≪  gg ≫  cong ≅
simeq ≃  times ×  cdot ·  div ÷  pm ±  mp ∓  ast ∗  circ ∘  star ⋆  oplus ⊕  otimes ⊗  sum ∑
prod ∏  int ∫  oint ∮  sqrt √  infty ∞  partial ∂  nabla ∇  forall ∀  exists ∃  emptyset ∅  in ∈
notin ∉  subset ⊂  subseteq ⊆  supset ⊃  supseteq ⊇  cup ∪  cap ∩  setminus ∖  land ∧  wedge ∧
lor ∨  vee ∨  neg ¬  lnot ¬  top ⊤  bot ⊥  perp ⊥  vdash ⊢  models ⊨  ldots …  dots …  cdots ⋯
vdots ⋮  prime ′  ell ℓ  hbar ℏ  Re ℜ  Im ℑ  aleph ℵ  angle ∠  degree °  langle ⟨  rangle ⟩
lfloor ⌊  rfloor ⌋  lceil ⌈  rceil ⌉  mid |  parallel ∥  lbrace {  rbrace }
"""
_WORDS = """
sin cos tan log ln exp min max lim sup inf det gcd deg dim ker mod
"""
_SPACES = {"quad": "  ", "qquad": "    ", "left": "", "right": "", "big": "", "displaystyle": ""}
_PUNCTUATION = {",": " ", ";": " ", ":": " ", "!": "", " ": " ", "\\": "; ", "|": "‖"}
_UP = str.maketrans("0123456789+-=()niabcdefghjklmoprstuvwxyzT", "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁼⁽⁾ⁿⁱᵃᵇᶜᵈᵉᶠᵍʰʲᵏˡᵐᵒᵖʳˢᵗᵘᵛʷˣʸᶻᵀ")
_DOWN = str.maketrans("0123456789+-=()aehijklmnoprstuvx", "₀₁₂₃₄₅₆₇₈₉₊₋₌₍₎ₐₑₕᵢⱼₖₗₘₙₒₚᵣₛₜᵤᵥₓ")
_LETTERS = dict(zip("RNZQCPEF", "ℝℕℤℚℂℙ𝔼𝔽", strict=True))
_DOUBLE = re.compile(r"\\mathbb\s*\{?([A-Z])\}?")
_FRACTION = re.compile(r"\\[dt]?frac\s*\{([^{}]*)\}\s*\{([^{}]*)\}")
_ROOT = re.compile(r"\\sqrt\s*\{([^{}]*)\}")
_TEXT = re.compile(r"\\(?:text|mathrm|mathbf|mathit|mathcal|mathsf|operatorname|boxed)\s*\{([^{}]*)\}")
_COMMAND = re.compile(r"\\([A-Za-z]+)")
_MARK = re.compile(r"\\([^A-Za-z])")
_SCRIPT = re.compile(r"([\^_])(?:\{([^{}]*)\}|(\S))")
_ROUNDS = 4  # of braces within braces


@lru_cache(256)
def unicode_math(source: str) -> str:
    """The formula in one line, without its dollar signs."""
    text = _DOUBLE.sub(lambda match: _LETTERS.get(match[1], match[1]), " ".join(source.split()))
    for _ in range(_ROUNDS):
        before = text
        text = _TEXT.sub(r"\1", text)
        text = _ROOT.sub(lambda match: f"√{_grouped(match[1])}", text)
        text = _FRACTION.sub(lambda match: f"{_grouped(match[1])}/{_grouped(match[2])}", text)
        text = _SCRIPT.sub(_script, text)
        if text == before:
            break
    text = _COMMAND.sub(_command, text)
    text = _SCRIPT.sub(_script, text)
    text = _MARK.sub(lambda match: _PUNCTUATION.get(match[1], match[1]), text)
    return text.replace("{", "").replace("}", "") if "\\{" not in source else text


def _command(match: re.Match[str]) -> str:
    return _symbols().get(match[1], match[0])


@lru_cache(1)
def _symbols() -> dict[str, str]:
    pairs, words = _PAIRS.split(), _WORDS.split()
    return {
        **dict(zip(pairs[::2], pairs[1::2], strict=True)),
        **dict(zip(words, words, strict=True)),
        **_SPACES,
    }


def _grouped(text: str) -> str:
    return text if len(text) < 2 or text.isalnum() else f"({text})"


def _script(match: re.Match[str]) -> str:
    body = match[2] if match[2] is not None else match[3]
    if body == "\\":
        return match[0]  # a command: it is one character only later
    table = _UP if match[1] == "^" else _DOWN
    if all(ord(char) in table for char in body):
        return body.translate(table)
    if "\\" in body:
        return match[0]
    return f"{match[1]}{body}" if len(body) < 2 else f"{match[1]}({body})"
