"""Draw a raster as QGIS does, without a window; run by the Python that QGIS was packaged for.

python3 qgis_render.py RASTER PICTURE [STYLE]: one pixel of the picture for each of the raster, 1000 a side at most.
"""

import os
import sys

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

from qgis.core import QgsApplication, QgsMapRendererSequentialJob, QgsMapSettings, QgsRasterLayer
from qgis.PyQt.QtCore import QSize


def main() -> None:
    """Open, style, draw; leave with a message where QGIS cannot."""
    raster, picture, *style = sys.argv[1:]
    QgsApplication.setPrefixPath("/usr", True)
    application = QgsApplication([], False)
    application.initQgis()
    layer = QgsRasterLayer(raster, "layer")
    if not layer.isValid():
        sys.exit(f"QGIS cannot open {raster}")
    if style:
        message, loaded = layer.loadNamedStyle(style[0])
        if not loaded:
            sys.exit(f"QGIS cannot load {style[0]}: {message}")
    settings = QgsMapSettings()
    settings.setLayers([layer])
    settings.setDestinationCrs(layer.crs())
    settings.setExtent(layer.extent())
    settings.setOutputSize(QSize(min(layer.width(), 1000), min(layer.height(), 1000)))
    settings.setFlag(QgsMapSettings.Antialiasing, False)
    job = QgsMapRendererSequentialJob(settings)
    job.start()
    job.waitForFinished()
    job.renderedImage().save(picture)
    print(layer.renderer().type(), layer.crs().authid(), layer.bandCount(), flush=True)
    os._exit(0)  # QGIS crashes now and then where Python ends it


if __name__ == "__main__":
    main()
