#!/bin/bash
# One tile-year a task of a Slurm job array; ../docs/production.md says what it takes.
#
#   FIRST=0 sbatch --array=1-1000%1000 slurm_tiles.sh tile-years.txt     lines 1-1000 of "50TMK 2020"
#
# Environment: ARCHIVE/<tile>/<year>/ holds the images, TILES gets the items, DEM is a folder of elevation; ENCODER, with
# its version, is the label of the encoder.
#SBATCH --job-name=esd-tiles
#SBATCH --cpus-per-task=1
#SBATCH --mem=4500M
#SBATCH --time=03:00:00
#SBATCH --requeue
set -u

line=$((${FIRST:-0} + SLURM_ARRAY_TASK_ID))
read -r tile year < <(sed -n "${line}p" "$1") || exit 0 # the list has ended
encoder=${ENCODER:-esdnet-small-v1}
item="esd-$encoder-${tile,,}-$year"
if [ -e "$TILES/$item/$item.json" ]; then
    exit 0 # an earlier task made it
fi

export OMP_NUM_THREADS=1
stac esd encode "$ARCHIVE/$tile/$year" "$TILES" --tile "$tile" --year "$year" --dem "$DEM" \
    --encoder "$encoder" --workers 1 --memory 4GB --skip-bad
code=$?

case $code in
0) ;;
3) # nothing there: no task for anybody
    echo "$tile $year" >> "$TILES/nothing-found-$SLURM_ARRAY_JOB_ID.txt"
    code=0
    ;;
4) # a worker died, or another task is at it: again, three times at most; finished blocks are kept
    if [ "${SLURM_RESTART_COUNT:-0}" -lt 3 ]; then
        scontrol requeue "${SLURM_ARRAY_JOB_ID}_$SLURM_ARRAY_TASK_ID"
    fi
    ;;
*) # 1, 2: for a person to read; above 128: killed
    echo "$tile $year $code" >> "$TILES/failed-$SLURM_ARRAY_JOB_ID.txt"
    ;;
esac
exit $code
