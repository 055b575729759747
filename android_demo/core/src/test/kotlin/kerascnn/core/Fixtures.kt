package kerascnn.core

import java.awt.image.BufferedImage
import java.io.File
import javax.imageio.ImageIO

/** What `fixtures.py` left: pictures, models, and what Python says of them. */
object Fixtures {
    private val folder = File(System.getProperty("fixtures"))
    private val expected = Fields.of(Json.read(folder.resolve("expected.json").readText()))
    val pictures = expected.strings("pictures")
    val digits = expected.strings("digits")
    val inputs = expected.list("inputs").map(::input)
    val models = StagedModels { folder.resolve("models/$it").inputStream() }

    val pinned get() = folder.resolve("pinned.onnx").path

    /** Python's levels of a picture for the input of that number. */
    fun levels(
        picture: String,
        input: Int,
    ) = folder.resolve("levels/$picture.$input").readBytes()

    /** Python's five likeliest labels. */
    fun answers(
        model: String,
        picture: String,
    ) = (expected.fields("answers").fields(model).pairs(picture)).map { (label, probability) ->
        Answer(label as String, (probability as Double).toFloat())
    }

    fun orientation(picture: String) = Orientation.of(file(picture).readBytes())

    fun decoded(picture: String): PixelRows = DecodedPicture(ImageIO.read(file(picture)))

    private fun file(picture: String) = folder.resolve("pictures/$picture")

    private fun input(facts: Fields): PictureInput {
        val (height, width, channels) = facts.ints("shape")
        val shorterSide = facts.numberOrNull("shorter_side")?.toInt()
        val rule =
            when {
                shorterSide != null -> ResizeRule.MIDDLE
                facts.string("rule") == "pad" -> ResizeRule.PAD
                else -> ResizeRule.STRETCH
            }
        return PictureInput("image", ElementType.UINT8, height, width, channels, rule, shorterSide ?: 0)
    }
}

/** A picture as the JVM decodes it; grey is taken as stored, which getRGB would brighten. */
private class DecodedPicture(
    private val image: BufferedImage,
) : PixelRows {
    override val width get() = image.width
    override val height get() = image.height

    override fun read(
        y: Int,
        row: IntArray,
    ) {
        if (image.raster.numBands < 3 && image.colorModel !is java.awt.image.IndexColorModel) {
            for (x in 0 until width) row[x] = image.raster.getSample(x, y, 0) * 0x010101
        } else {
            image.getRGB(0, y, width, 1, row, 0, width)
        }
    }
}
