"""Images: their types by content, and the limits they are brought within."""

from base64 import b64decode
from io import BytesIO
from typing import Any

import pytest
from PIL import Image as pillow

from pi.llm.messages import Image
from pi.llm.models import Model
from pi.tools.images import LoadedImage, ResizeLimits, detect_image_type, load_image, resize_limits


def encoded(kind: str, size: tuple[int, int] = (8, 6), mode: str = "RGB", **options: Any) -> bytes:
    buffer = BytesIO()
    pillow.new(mode, size, 0).save(buffer, kind, **options)
    return buffer.getvalue()


def noise(size: tuple[int, int], kind: str = "PNG") -> bytes:
    buffer = BytesIO()
    pillow.effect_noise(size, 90).convert("RGB").save(buffer, kind)
    return buffer.getvalue()


def decoded(loaded: LoadedImage | None) -> pillow.Image:
    assert loaded and loaded.image
    picture = pillow.open(BytesIO(b64decode(loaded.image.data)))
    assert picture.get_format_mimetype() == loaded.image.mime_type == loaded.mime_type
    return picture


KINDS = {
    "PNG": "image/png",
    "JPEG": "image/jpeg",
    "GIF": "image/gif",
    "WEBP": "image/webp",
    "BMP": "image/bmp",
}


@pytest.mark.parametrize("kind", KINDS)
def test_the_type_is_told_from_the_content(kind: str):
    assert detect_image_type(encoded(kind)) == KINDS[kind]


def test_text_and_other_files_are_no_images():
    frames = [pillow.new("RGB", (4, 4), color) for color in ("red", "blue")]
    buffer = BytesIO()
    frames[0].save(buffer, "PNG", save_all=True, append_images=frames[1:])
    others = (
        *(b"", b"GIF", b"GIF89", b"GIFs are fun", b"BM"),
        *(b"BMW is a company, and this is text about it", b"RIFF\0\0\0\0WAVE"),
        *(b"\xff\xd8\xff\xf7 lossless", b"\x89PNG\r\n\x1a\n too short", buffer.getvalue()),
    )  # fmt: skip
    assert [detect_image_type(other) for other in others] == [None] * len(others)
    assert load_image(b"text", auto_resize=True) is None


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF", "WEBP"])
@pytest.mark.parametrize("auto_resize", [True, False])
def test_an_image_within_the_limits_stays_as_it_is(kind: str, auto_resize: bool):
    data = encoded(kind, (2000, 20))
    loaded = load_image(data, auto_resize=auto_resize)
    assert loaded and loaded.image and loaded.note is None
    assert b64decode(loaded.image.data) == data


def test_a_large_image_is_scaled_and_the_model_learns_the_factor():
    loaded = load_image(encoded("PNG", (3000, 60)), auto_resize=True)
    assert decoded(loaded).size == (2000, 40)
    assert loaded and loaded.note == (
        "[Image: original 3000x60, displayed at 2000x40. "
        "Multiply coordinates by 1.50 to map to original image.]"
    )
    high = load_image(encoded("GIF", (30, 2250)), auto_resize=True)
    assert decoded(high).size == (27, 2000)
    thin = load_image(encoded("PNG", (9000, 1)), auto_resize=True)
    assert decoded(thin).size == (2000, 1)


def test_halves_in_the_factor_round_up():
    loaded = load_image(encoded("PNG", (2250, 10)), auto_resize=True)
    assert loaded and loaded.note and "by 1.13 to" in loaded.note


def test_without_resizing_a_large_image_goes_as_it_is():
    data = encoded("PNG", (3000, 60))
    loaded = load_image(data, auto_resize=False)
    assert loaded and loaded.image and b64decode(loaded.image.data) == data


def test_a_heavy_image_gets_lower_quality_then_fewer_pixels():
    data = noise((400, 300))
    limits = ResizeLimits(max_bytes=80_000)
    loaded = load_image(data, auto_resize=True, limits=limits)
    assert decoded(loaded).size == (400, 300)
    assert loaded and loaded.image and loaded.image.mime_type == "image/jpeg"
    assert len(loaded.image.data) < 80_000
    small = load_image(data, auto_resize=True, limits=ResizeLimits(max_bytes=4_000))
    assert small and small.image and len(small.image.data) < 4_000
    assert decoded(small).size < (400, 300)


def test_an_image_that_cannot_fit_is_left_out():
    loaded = load_image(noise((50, 50)), auto_resize=True, limits=ResizeLimits(max_bytes=20))
    assert loaded == LoadedImage(
        None, "[Image omitted: could not be resized below the inline image size limit.]", "image/png"
    )


def test_a_turned_photo_is_scaled_upright():
    exif = pillow.Exif()
    exif[0x0112] = 6
    loaded = load_image(encoded("JPEG", (3000, 1500), exif=exif), auto_resize=True)
    assert decoded(loaded).size == (1000, 2000)
    assert loaded and loaded.note and "original 1500x3000" in loaded.note


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P", "1", "I;16", "L"])
def test_images_of_all_modes_can_be_scaled(mode: str):
    loaded = load_image(encoded("PNG", (2001, 10), mode), auto_resize=True)
    assert decoded(loaded).size == (2000, 10)


def test_grey_of_16_bits_keeps_its_shades():
    buffer = BytesIO()
    pillow.new("I;16", (2001, 10), 0x8000).save(buffer, "PNG")
    picture = decoded(load_image(buffer.getvalue(), auto_resize=True)).convert("L")
    assert abs(int(picture.getpixel((5, 5)) or 0) - 128) < 3  # pyright: ignore


def test_what_is_see_through_gets_white_in_a_jpeg():
    buffer = BytesIO()
    picture = pillow.effect_noise((300, 300), 90).convert("RGBA")
    picture.paste((0, 0, 0, 0), (0, 0, 100, 100))
    picture.save(buffer, "PNG")
    loaded = load_image(buffer.getvalue(), auto_resize=True, limits=ResizeLimits(max_bytes=50_000))
    scaled = decoded(loaded)
    assert scaled.format == "JPEG"
    assert min(scaled.getpixel((20, 20))) > 240  # pyright: ignore


def test_a_bmp_becomes_png():
    loaded = load_image(encoded("BMP"), auto_resize=True)
    assert decoded(loaded).size == (8, 6)
    assert loaded and loaded.note == "[Image converted from image/bmp to image/png.]"
    large = load_image(encoded("BMP", (4000, 10)), auto_resize=True)
    assert large and large.note == (
        "[Image converted from image/bmp to image/png.]\n"
        "[Image: original 4000x10, displayed at 2000x5. "
        "Multiply coordinates by 2.00 to map to original image.]"
    )
    assert decoded(load_image(encoded("BMP", (4000, 10)), auto_resize=False)).size == (4000, 10)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF", "WEBP", "BMP"])
def test_a_cut_off_image_is_left_out(kind: str):
    data = noise((64, 64), kind)
    loaded = load_image(data[: len(data) // 2], auto_resize=True)
    reason = (
        "converted to a supported inline image format"
        if kind == "BMP"
        else "resized below the inline image size limit"
    )
    assert loaded == LoadedImage(None, f"[Image omitted: could not be {reason}.]", KINDS[kind])


def test_bytes_behind_a_whole_image_do_no_harm():
    data = encoded("JPEG") + b"more"
    loaded = load_image(data, auto_resize=True)
    assert loaded and loaded.image == Image(loaded.image.data if loaded.image else "", "image/jpeg")
    assert loaded.image and b64decode(loaded.image.data) == data


def test_a_model_may_have_its_own_limits():
    def model(limits: dict[str, Any] | None) -> Model:
        return Model("m", "p", "a", "http://x", input_limits=limits)

    own = {"images": {"maxPerRequest": 5, "resize": {"maxWidth": 100, "jpegQuality": 75}}}
    assert resize_limits(model(own)) == ResizeLimits(max_width=100, jpeg_quality=75)
    assert resize_limits(model(None)) == ResizeLimits()
    assert resize_limits(model({"images": {"resize": {"maxWidth": "wide"}}})) == ResizeLimits()
    assert decoded(
        load_image(encoded("PNG", (200, 50)), auto_resize=True, limits=resize_limits(model(own)))
    ).size == (100, 25)
