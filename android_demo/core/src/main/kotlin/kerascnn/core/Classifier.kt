package kerascnn.core

/** A label with its probability. */
data class Answer(
    val label: String,
    val probability: Float,
)

/**
 * What a model says of one picture, the likeliest first.
 *
 * [preparing] and [inference] are milliseconds: resizing and packing, and the engine alone.
 */
class Classification(
    val answers: List<Answer>,
    val preparing: Double,
    val inference: Double,
)

/** Labels pictures with [engine]; buffers are made once. Not for several threads at a time. */
class Classifier(
    private val contract: Contract,
    private val engine: InferenceEngine,
) {
    private val resizer = Resizer(contract.input)
    private val input = directBuffer(contract.input.type, contract.input.size)
    private val output = directBuffer(contract.output.type, contract.output.labels.size)
    private val numbers = FloatArray(contract.output.labels.size)

    /** Labels a picture: the [top] likeliest. Equals stay in the order of the labels. */
    fun classify(
        picture: PixelRows,
        orientation: Orientation,
        top: Int = 5,
    ): Classification {
        val begin = System.nanoTime()
        pack(resizer.levels(picture, orientation), contract.input.type, input)
        val ready = System.nanoTime()
        engine.run(input, output)
        val done = System.nanoTime()
        unpack(output, contract.output, numbers)
        if (!contract.output.areProbabilities) softmax(numbers)
        val best = numbers.indices.sortedByDescending { numbers[it] }.take(top)
        val answers = best.map { Answer(contract.output.labels[it], numbers[it]) }
        return Classification(answers, (ready - begin) / 1e6, (done - ready) / 1e6)
    }

    /** Milliseconds of one inference on what was packed last. */
    fun time(): Double {
        val begin = System.nanoTime()
        engine.run(input, output)
        return (System.nanoTime() - begin) / 1e6
    }
}
