#!/bin/sh
# Trains the adapters that ship with ferrobert, on the data that prepare.py wrote:
#
#     sh examples/recipes/train.sh DATA OUT [TASK...]
#
# OUT/TASK/adapter is the adapter of a task, OUT/TASK the whole model. One thread: the same sums on every run.
set -eu
data=$1 out=$2
shift 2
export OMP_NUM_THREADS=1

train() { # TASK FILE SETTINGS
    task=$1 file=$2
    shift 2
    ferrobert train "$data/$task/$file" --model sentence-transformers/all-MiniLM-L6-v2 --lora 16 \
        --lora-target all-linear --dropout 0 --seed 0 --output-dir "$out/$task" --overwrite "$@"
}

for task in ${*:-text-classification token-classification zero-shot-classification question-answering}; do
    case $task in
    text-classification)
        train $task train.csv --epochs 2 --batch-size 64 --learning-rate 2e-3 ;;
    token-classification)
        train $task train.conll --task ner --epochs 5 --batch-size 16 --learning-rate 1e-3 --group-by-length ;;
    zero-shot-classification)
        train $task train.csv --text-pair-column text_pair --epochs 2 --batch-size 32 --learning-rate 1.5e-3 ;;
    question-answering)
        train $task train.json --task question-answering --epochs 1 --batch-size 16 --learning-rate 1.5e-3 ;;
    *)
        echo "no recipe for $task" >&2
        exit 2 ;;
    esac
done
