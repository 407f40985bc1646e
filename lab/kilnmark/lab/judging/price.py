"""What a call costs: reckoned before it is sent, and told by the server after.

Only arithmetic lives here; what is left of a budget is `purse`'s part.
"""

import msgspec

from kilnmark.lab.judging.talk import JudgeAnswered, Photo, Question

__all__ = ["Price"]

_MILLION = 1_000_000
_LETTERS_A_TOKEN = 2
"""Fewest letters that a token has in the words of a question, so that their count is never reckoned too small."""
_OVERHEAD = 100
"""Tokens around a question."""


class Price(msgspec.Struct, frozen=True):
    """What a judge costs.

    Attributes:
        of_in, of_out: A million tokens, asked and answered.
        tokens_a_picture: What a picture is reckoned with.
        reply_tokens: The longest reply.
    """

    of_in: float
    of_out: float
    tokens_a_picture: int
    reply_tokens: int

    @property
    def is_free(self) -> bool:
        """Whether nothing has to be paid."""
        return self.of_in == 0 == self.of_out

    def most(self, question: Question) -> float:
        """The most that a call may cost, as far as it can be reckoned."""
        words = [question.system, *(part for part in question.parts if isinstance(part, str))]
        words += [turn.text for turn in question.turns] + [str(question.schema)]
        pictures = sum(isinstance(part, Photo) for part in question.parts)
        tokens = _OVERHEAD + sum(map(len, words)) // _LETTERS_A_TOKEN + pictures * self.tokens_a_picture
        return self._of(tokens, self.reply_tokens)

    def of(self, answer: JudgeAnswered) -> float | None:
        """What a call cost; None where the server did not say."""
        if answer.tokens_in is None or answer.tokens_out is None:
            return 0.0 if self.is_free else None
        return self._of(answer.tokens_in, answer.tokens_out)

    def _of(self, tokens_in: int, tokens_out: int) -> float:
        return (tokens_in * self.of_in + tokens_out * self.of_out) / _MILLION
