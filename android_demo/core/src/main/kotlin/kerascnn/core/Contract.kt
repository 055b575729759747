package kerascnn.core

/** The version of what metadata says that this app knows. */
const val KNOWN_CONTRACT = 1

/** What an element of a tensor is; [bytes] of each. */
enum class ElementType(
    val bytes: Int,
) {
    UINT8(1),
    INT8(1),
    FLOAT32(4),
}

/** How a picture of another size is brought to the model's. MIDDLE: scaled, then cropped. */
enum class ResizeRule { STRETCH, PAD, MIDDLE }

/** A number is [scale] x (integer - [zeroPoint]). */
data class Quantization(
    val scale: Float,
    val zeroPoint: Int,
)

/**
 * The picture a model takes: [channels] is 1 (grey) or 3 (RGB); [shorterSide] is what MIDDLE scales
 * a picture's shorter side to.
 */
data class PictureInput(
    val name: String,
    val type: ElementType,
    val height: Int,
    val width: Int,
    val channels: Int,
    val resize: ResizeRule,
    val shorterSide: Int = 0,
) {
    /** Elements of one picture. */
    val size get() = height * width * channels
}

/** What a model gives: a number a label. */
data class ClassOutput(
    val name: String,
    val type: ElementType,
    val quantization: Quantization?,
    val labels: List<String>,
    val areProbabilities: Boolean,
)

/** One check the file passed before it was handed on. */
data class Check(
    val name: String,
    val measured: Double,
    val comparison: String,
    val limit: Double,
    val passed: Boolean,
)

/** [share] of [images] that the file labels rightly; [on] says of which. */
data class Accuracy(
    val on: String,
    val share: Double,
    val images: Int,
)

/** What the JSON beside a model promises. */
data class Contract(
    val model: String,
    val recipe: String,
    val sha256: String,
    val bytes: Int,
    val input: PictureInput,
    val output: ClassOutput,
    val minimumRuntime: String?,
    val accuracies: List<Accuracy>,
    val checks: List<Check>,
    val made: String,
) {
    companion object {
        /**
         * Reads the metadata [text] of [file].
         *
         * Throws [Problem]: a newer contract, a field that is missing, or a model that does not
         * take one picture and give one row of classes.
         */
        fun read(
            file: String,
            text: String,
        ): Contract = MetadataReader(file).contract(text)
    }
}
