package kerascnn.core

/** What went wrong, in parts that an app puts into the words of its user's language. */
sealed class Problem(
    message: String,
) : Exception(message) {
    /** There is no index of models, or it lists none. */
    class NoModels : Problem("no models are staged")

    /** Metadata of contract [found]; this app knows up to [known]. */
    class NewerContract(
        val file: String,
        val found: Int,
        val known: Int,
    ) : Problem("$file: contract $found, this app knows $known")

    /** Metadata or index that does not say what it must: [detail] names the field. */
    class UnreadableMetadata(
        val file: String,
        val detail: String,
    ) : Problem("$file: $detail")

    /** A model that is not the one its metadata speaks of. */
    class ChangedFile(
        val file: String,
        val expected: String,
        val found: String,
    ) : Problem("$file: sha256 $found, expected $expected")

    /** A model that takes no picture, or gives no classes: [detail] says what instead. */
    class NotAClassifier(
        val file: String,
        val detail: String,
    ) : Problem("$file: $detail")

    /** No engine runs the model; [reasons] has a line a rung of the ladder. */
    class NoEngine(
        val file: String,
        val reasons: List<String>,
    ) : Problem("$file: ${reasons.joinToString("; ")}")

    /** A picture that cannot be decoded. */
    class UnreadablePicture : Problem("a picture that cannot be decoded")

    /** A picture of more pixels than memory holds. */
    class PictureTooLarge(
        val width: Int,
        val height: Int,
    ) : Problem("$width x $height pixels")
}
