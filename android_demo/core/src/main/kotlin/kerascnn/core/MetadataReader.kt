package kerascnn.core

private const val RAW = "raw pixels"
private val RULES =
    mapOf(
        "bilinear to height x width, half-pixel centers, aspect not kept" to ResizeRule.STRETCH,
        "centered between zeros, not scaled" to ResizeRule.PAD,
    )
private val MIDDLE =
    Regex(
        "bilinear to a shorter side of ([0-9]{1,5}), half-pixel centers, aspect kept; " +
            "then the middle height x width",
    )

/** Reads the metadata of [file] into a [Contract]; see [Contract.read]. */
internal class MetadataReader(
    private val file: String,
) {
    fun contract(text: String): Contract {
        val metadata =
            try {
                Fields.of(Json.read(text))
            } catch (error: IllegalArgumentException) {
                throw Problem.UnreadableMetadata(file, error.message ?: "no JSON")
            }
        try {
            val version = metadata.int("contract")
            if (version > KNOWN_CONTRACT) throw Problem.NewerContract(file, version, KNOWN_CONTRACT)
            return contract(metadata)
        } catch (error: IllegalArgumentException) {
            throw Problem.UnreadableMetadata(file, error.message ?: "a field is missing")
        }
    }

    private fun contract(metadata: Fields): Contract {
        val output = output(only(metadata.list("outputs"), "outputs"))
        return Contract(
            model = metadata.string("model"),
            recipe = metadata.fields("recipe").string("name"),
            sha256 = metadata.string("sha256"),
            bytes = metadata.int("bytes"),
            input = input(only(metadata.list("inputs"), "inputs")),
            output = output,
            minimumRuntime = metadata.stringOrNull("minimum_runtime"),
            accuracies = accuracies(metadata.fields("accuracy")),
            checks = metadata.list("checks").map(::check),
            made = metadata.string("made"),
        )
    }

    private fun only(
        ends: List<Fields>,
        what: String,
    ) = ends.singleOrNull() ?: refuse("${ends.size} $what")

    private fun input(end: Fields): PictureInput {
        val values = end.string("values")
        if (!values.startsWith(RAW)) refuse("takes $values")
        val shape = end.ints("shape")
        val channels = shape.lastOrNull()
        if (shape.size != 4 || shape[0] > 1 || channels !in listOf(1, 3)) refuse("takes ${shape.joinToString("x")}")
        val resize = end.string("resize")
        val middle = MIDDLE.matchEntire(resize)
        val shorterSide = middle?.let { it.groupValues[1].toInt() }
        val rule = if (shorterSide == null) RULES[resize] else ResizeRule.MIDDLE
        val height = side(end.int("height"))
        val width = side(end.int("width"))
        if (shorterSide != null && side(shorterSide) < maxOf(height, width)) refuse("crops more than there is")
        return PictureInput(
            name = end.string("name"),
            type = type(end),
            height = height,
            width = width,
            channels = shape[3],
            resize = rule ?: refuse("resizes by a rule this app does not know: $resize"),
            shorterSide = shorterSide ?: 0,
        )
    }

    private fun side(pixels: Int) = pixels.takeIf { it in 1..LONGEST_SIDE } ?: refuse("takes a side of $pixels pixels")

    private fun output(end: Fields): ClassOutput {
        val meaning = end.string("meaning")
        val shape = end.ints("shape")
        val areProbabilities = meaning.startsWith("probabilities")
        if (!areProbabilities && !meaning.startsWith("logits")) refuse("gives $meaning")
        if (shape.size != 2 || shape[1] !in 2..MOST_CLASSES) refuse("gives ${shape.joinToString("x")}")
        val type = type(end)
        val quantization = quantization(end)
        if (type != ElementType.FLOAT32 && quantization == null) refuse("gives integers without a scale")
        val named = end.strings("labels")
        if (named.isNotEmpty() && named.size != shape[1]) refuse("has ${named.size} labels for ${shape[1]} classes")
        val labels = named.ifEmpty { List(shape[1]) { "$it" } }
        return ClassOutput(end.string("name"), type, quantization, labels, areProbabilities)
    }

    private fun type(end: Fields): ElementType {
        val name = end.string("dtype")
        return ElementType.entries.find { it.name.lowercase() == name } ?: refuse("has elements of $name")
    }

    private fun quantization(end: Fields): Quantization? {
        val scale = end.numberOrNull("scale") ?: return null
        return Quantization(scale.toFloat(), end.int("zero_point"))
    }

    private fun accuracies(measured: Fields) =
        measured.names.map { on ->
            val facts = measured.fields(on)
            Accuracy(on, facts.number("artifact"), facts.int("images"))
        }

    private fun check(facts: Fields) =
        Check(
            facts.string("name"),
            facts.number("measured"),
            facts.string("comparison"),
            facts.number("limit"),
            facts.boolean("passed"),
        )

    private fun refuse(detail: String): Nothing = throw Problem.NotAClassifier(file, detail)

    private companion object {
        const val LONGEST_SIDE = 4096
        const val MOST_CLASSES = 1_000_000
    }
}
