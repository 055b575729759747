package kerascnn.demo

import android.content.res.Resources
import kerascnn.core.Problem

/** What went wrong, in the user's language, with the way out. */
fun Problem.localized(resources: Resources): String =
    when (this) {
        is Problem.NoModels -> resources.getString(R.string.error_no_models)
        is Problem.NewerContract -> resources.getString(R.string.error_contract, file, found, known)
        is Problem.UnreadableMetadata -> resources.getString(R.string.error_metadata, file, detail)
        is Problem.ChangedFile -> resources.getString(R.string.error_changed, file)
        is Problem.NotAClassifier -> resources.getString(R.string.error_classifier, file, detail)
        is Problem.NoEngine -> resources.getString(R.string.error_engine, file, reasons.joinToString("; "))
        is Problem.UnreadablePicture -> resources.getString(R.string.error_picture)
        is Problem.PictureTooLarge -> resources.getString(R.string.error_large, width, height)
    }
