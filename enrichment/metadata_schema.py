"""What the columns of metadata.parquet (table `frames`, a row a measured frame) and of the table `clips` mean [E6]."""

from __future__ import annotations

from typing import Final

COLUMNS: Final = {
    "clip_id": "number of the clip",
    "clip_name": "what people call the clip",
    "clip_source_name": "name of the file that was taken in",
    "clip_sha256": "SHA-256 of that file, in hex",
    "clip_bytes": "its size",
    "clip_container": "container format",
    "clip_codec": "video codec",
    "clip_width": "pixels",
    "clip_height": "pixels",
    "clip_rotation": "degrees that the file asks to be turned by",
    "clip_frame_count": "frames in the clip's time table",
    "clip_duration": "seconds",
    "clip_fps": "frames per second, nominal",
    "clip_variable_rate": "whether frames come at uneven times",
    "clip_timestamps_synthesised": "whether the file had no times of its own",
    "clip_scene": "scene, as it was said when the clip came in",
    "clip_environment": "environment, likewise; what captions say of it is in the table clips",
    "clip_device": "camera or robot, likewise",
    "clip_session": "capture session, likewise",
    "clip_site": "site, to the city",
    "clip_contributor": "contributor as JSON: age range, handedness",
    "clip_licence": "licence",
    "clip_consent": "consent",
    "clip_completeness": "frames that are there over frames expected, 0-1",
    "clip_frozen_fraction": "share of the measured frames that repeat the one before, 0-1",
    "clip_lighting": "dark, dim, even, bright or harsh, by exposure and clipping",
    "clip_lighting_tone": "warm, neutral or cool",
    "clip_lighting_confidence": "how far the exposure lies from the class's border, 0-1",
    "frame": "number of the frame, from 0",
    "seconds": "its time of presentation",
    "sharpness": "variance of the Laplacian, grey levels squared; below 100 is blurry",
    "net_sharpness": "the same without the share of the noise",
    "exposure": "mean grey level, 0-255; below 30 or above 225 is badly exposed",
    "contrast": "grey level at 95 % minus that at 5 %",
    "clipped_dark": "fraction of pixels at 4 or below, 0-1",
    "clipped_bright": "fraction of pixels at 251 or above, 0-1",
    "noise": "standard deviation of the noise, grey levels",
    "blockiness": "gradient on the 8-pixel grid over gradient off it; 1 is none",
    "colour_warmth": "mean red minus mean blue, grey levels",
    "change": "mean absolute difference to the frame before, grey levels; -1 for the first frame",
    "blurry": "whether the frame is blurry",
    "too_dark": "whether it is too dark",
    "too_bright": "whether it is too bright",
    "score": "quality of the frame, 0-1",
}
# One row is one scored clip; where nothing is known of a part it is null.
CLIP_COLUMNS: Final = {
    "clip_id": "number of the clip",
    "clip_name": "what people call the clip",
    "clip_duration": "seconds",
    "quality": "the clip as a whole, 0-1: the weighted mean of the parts that are known",
    "quality_frames": "blur, light, completeness and compression of its frames, 0-1",
    "quality_flags": "open flags a minute by severity, 0-1; 1 is none",
    "quality_pose": "mean confidence of keypoints, 0-1",
    "quality_agreement": "share of frames on which masks, flow and depth agree, 0-1",
    "quality_coverage": "share of the layers with an engine that are there, 0-1",
    "completeness": "frames that are there over frames expected, 0-1",
    "frozen": "share of the measured frames that repeat the one before, 0-1",
    "lighting": "dark, dim, even, bright or harsh",
    "lighting_tone": "warm, neutral or cool",
    "environment": "what most captions say, else what was said when the clip came in",
    "environment_by": "who says so: how many captions by which engine, or who handed the clip in",
}
EXAMPLES: Final = (
    (
        "Clips as a whole, the worst first, with their parts",
        "SELECT * FROM clips ORDER BY quality",
    ),
    (
        "Clips by quality, the worst first",
        "SELECT clip_id, clip_name, round(avg(score), 3) AS quality\nFROM frames GROUP BY ALL ORDER BY quality",
    ),
    (
        "Blurry or badly lit frames",
        "SELECT clip_name, frame, sharpness, exposure\nFROM frames WHERE blurry OR too_dark OR too_bright",
    ),
    (
        "Clips by surroundings and light",
        "SELECT environment, lighting, count(*) AS clips, round(avg(quality), 3) AS quality\n"
        "FROM clips GROUP BY ALL ORDER BY clips DESC",
    ),
    (
        "Hours by scene",
        "SELECT clip_scene, count(*) AS clips, sum(clip_duration) / 3600 AS hours\n"
        "FROM (SELECT DISTINCT clip_id, clip_scene, clip_duration FROM frames) GROUP BY clip_scene",
    ),
)
