package kerascnn.core

import java.io.FileNotFoundException
import java.io.InputStream
import java.nio.ByteBuffer
import java.nio.ByteOrder
import java.security.MessageDigest

private const val INDEX = "models.json"

/** One model that `kerascnn stage` put in: [file] and [metadata] are names in the same folder. */
data class StagedModel(
    val name: String,
    val file: String,
    val metadata: String,
    val sha256: String,
    val bytes: Int,
)

/** A model in memory with its contract, after its sha256 was compared. */
class LoadedModel(
    val staged: StagedModel,
    val contract: Contract,
    val content: ByteBuffer,
)

/** The folder that `kerascnn stage` filled; [open] opens a file of it by name. */
class StagedModels(
    private val open: (String) -> InputStream,
) {
    /** All models in the index. Throws [Problem]: none, or an index that cannot be read. */
    fun list(): List<StagedModel> {
        val text =
            try {
                read(INDEX).toString(Charsets.UTF_8)
            } catch (_: FileNotFoundException) {
                throw Problem.NoModels()
            }
        val found =
            try {
                Fields.of(Json.read(text)).list("models").map(::staged)
            } catch (error: IllegalArgumentException) {
                throw Problem.UnreadableMetadata(INDEX, error.message ?: "no JSON")
            }
        return found.ifEmpty { throw Problem.NoModels() }
    }

    private fun staged(entry: Fields) =
        StagedModel(
            entry.string("name"),
            entry.string("file"),
            entry.string("metadata"),
            entry.string("sha256"),
            entry.int("bytes"),
        )

    /** Reads the metadata of a model alone. */
    fun contract(model: StagedModel): Contract =
        try {
            Contract.read(model.metadata, read(model.metadata).toString(Charsets.UTF_8))
        } catch (_: FileNotFoundException) {
            throw Problem.UnreadableMetadata(model.metadata, "is missing")
        }

    /** Reads a model. Throws [Problem]: its metadata is of no use, or speaks of another file. */
    fun load(model: StagedModel): LoadedModel {
        val contract = contract(model)
        val content =
            try {
                read(model.file)
            } catch (_: FileNotFoundException) {
                throw Problem.ChangedFile(model.file, contract.sha256, "")
            }
        val found = hexadecimal(MessageDigest.getInstance("SHA-256").digest(content))
        if (found != contract.sha256) throw Problem.ChangedFile(model.file, contract.sha256, found)
        if (found != model.sha256) throw Problem.ChangedFile(model.file, model.sha256, found)
        val direct = ByteBuffer.allocateDirect(content.size).order(ByteOrder.nativeOrder())
        direct.put(content).rewind()
        return LoadedModel(model, contract, direct)
    }

    private fun read(name: String) = open(name).use { it.readBytes() }

    private fun hexadecimal(bytes: ByteArray) = bytes.joinToString("") { "%02x".format(it) }
}
