"""Headless Chromium of Debian, driven by selenium; it never asks the network for a browser or a driver."""

import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image
from selenium import webdriver
from selenium.common.exceptions import StaleElementReferenceException, WebDriverException
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement

WAIT_S = 90
"""Seconds that a page may take on a busy machine."""

FLAGS = (
    "headless=new",
    "no-sandbox",
    "enable-unsafe-swiftshader",
    "disable-dev-shm-usage",
    "disable-quic",
    "no-first-run",
    "disable-background-networking",
    "disable-component-update",
    "disable-sync",
    "window-size=1400,1600",
)
"""WebGL in software; no sandbox, for containers run as root; nothing that calls home."""


class Page:
    """A tab, and waiting for what it shall show."""

    def __init__(self, driver: webdriver.Chrome, screenshots: Path) -> None:
        self.driver = driver
        self.screenshots = screenshots

    def text(self) -> str:
        """Return what a person can read."""
        return self.driver.find_element(By.TAG_NAME, "body").text

    def wait_for(self, what: str, seen: Callable[[], bool]) -> None:
        """Wait until something is seen; the picture of the page is kept where it is not."""
        end = time.monotonic() + WAIT_S
        while time.monotonic() < end:
            try:
                if seen():
                    return
            except (StaleElementReferenceException, IndexError):
                pass
            time.sleep(0.2)
        self.keep("failed")
        raise AssertionError(f"got no {what} in {WAIT_S} s at {self.driver.current_url}:\n{self.text()[:2000]}")

    def wait_for_text(self, text: str) -> None:
        """Wait until a text can be read."""
        self.wait_for(repr(text), lambda: text in self.text())

    def click(self, text: str) -> None:
        """Click the link or button that is called so."""

        def clicked() -> bool:
            found = self.driver.find_elements(By.XPATH, f"//*[self::a or self::button][normalize-space()='{text}']")
            visible = [element for element in found if element.is_displayed()]
            try:
                visible[0].click()
            except (StaleElementReferenceException, IndexError):
                raise
            except WebDriverException:  # covered while the page moves
                return False
            return True

        self.wait_for(f"link {text!r}", clicked)

    def elements(self, selector: str) -> list[WebElement]:
        """Return elements by a CSS selector."""
        return self.driver.find_elements(By.CSS_SELECTOR, selector)

    def picture(self, selector: str) -> np.ndarray:
        """Return the pixels of an element, rows x columns x RGB."""
        content = self.elements(selector)[0].screenshot_as_png
        return np.asarray(Image.open(BytesIO(content)).convert("RGB"))

    def keep(self, name: str) -> None:
        """Keep a picture of the page, once what fades in has done so."""
        time.sleep(0.5)
        self.screenshots.mkdir(parents=True, exist_ok=True)
        self.driver.save_screenshot(str(self.screenshots / f"{name}.png"))


@contextmanager
def chromium(screenshots: Path) -> Iterator[Page]:
    """Open a tab.

    Raises:
        RuntimeError: Chromium or its driver is missing. That is a failure, never a reason to skip.
    """
    programs = {name: shutil.which(name) for name in ("chromium", "chromedriver")}
    missing = [name for name, path in programs.items() if path is None]
    if missing:
        raise RuntimeError(f"got no {missing[0]}, expected Debian's chromium and chromium-driver; run `make debian`")
    options = webdriver.ChromeOptions()
    options.binary_location = programs["chromium"]
    for flag in FLAGS:
        options.add_argument(f"--{flag}")
    driver = webdriver.Chrome(options=options, service=Service(programs["chromedriver"]))
    try:
        yield Page(driver, screenshots)
    finally:
        driver.quit()
