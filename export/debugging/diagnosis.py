"""Why a layer loses accuracy, in one line of words."""

from .findings import Layer

# From where on a fact is named as a cause. Healthy layers of trained networks stay well below:
# those of ResNet-8 spread 1.2 to 2.8, leave a median channel 65 steps, and clip nothing.
WIDE = 8.0  # times the median channel
FEW_STEPS = 24  # of 255
CLIPPED = 0.002  # of the values
CORE = 0.08  # of the range holds 99.9 % of the values
OUTLIER = 40.0  # times the median weight of its channel; a normal distribution has 4 to 6
FEW_INPUT_STEPS = 12  # of 127
LOW = 25.0  # dB
WORTH_A_WORD = 0.05  # of the loss


def diagnose(layer: Layer) -> str:
    """Says what is wrong with a layer.

    Args:
        layer: a `Layer` of an analysis.

    Returns:
        The causes, the likeliest first, joined by "; ". Empty for a layer that loses little.
    """
    strained = any(part and part.snr < LOW for part in (layer.weights, layer.activations))
    if layer.share < WORTH_A_WORD and not strained:
        return ""
    sides = [
        (layer.activations_share, _of_activations(layer.activations)),
        (layer.weights_share, _of_weights(layer.weights)),
    ]
    sides.sort(key=lambda side: -side[0])
    causes = [text for _, texts in sides for text in texts]
    if causes:
        return "; ".join(causes)
    side = "weights" if layer.weights_share > layer.activations_share else "activations"
    return f"no single cause: its {side} need more than 8 bits" if strained else ""


def _of_activations(facts):
    if facts is None:
        return []
    causes = []
    if facts.spread >= WIDE:
        causes.append(
            f"output channel {facts.channel} is {facts.spread:.0f}x wider than the median channel, "
            f"which gets {_steps(facts.steps)}"
        )
    elif facts.core <= CORE and facts.channels > 1:
        causes.append(
            f"rare outputs stretch the range: 99.9 % of the values lie in {facts.core:.1%} of it"
        )
    elif facts.steps < FEW_STEPS and facts.dead < facts.channels:
        causes.append(
            f"the range {facts.low:.3g}..{facts.high:.3g} is too wide: the median channel gets "
            f"{_steps(facts.steps)}"
        )
    if facts.clipped >= CLIPPED:
        causes.append(
            f"the range {facts.low:.3g}..{facts.high:.3g} clips {facts.clipped:.1%} of the outputs"
        )
    if facts.dead and causes:
        causes.append(f"{facts.dead} of {facts.channels} channels are dead")
    return causes


def _of_weights(facts):
    if facts is None:
        return []
    causes = []
    if facts.spread >= WIDE:
        causes.append(
            f"one scale serves all of its weights, and channel {facts.channel}'s are "
            f"{facts.spread:.0f}x wider than the median channel's"
        )
    if facts.input_steps < FEW_INPUT_STEPS:
        causes.append(
            f"input channels are of unlike weight: those of channel {facts.input_channel} take the "
            f"range, the median channel's get {_steps(facts.input_steps, 127)}"
        )
    elif facts.outlier >= OUTLIER:
        causes.append(
            f"one weight of output channel {facts.outlier_channel} is {facts.outlier:.0f}x the "
            "channel's median weight, and the step follows it"
        )
    return causes


def _steps(steps, of=255):
    return f"{'less than 1' if steps < 1 else f'{steps:.0f}'} of {of} steps"
