#!/bin/sh
# Trains the adapters that ship with ferrobert, on the data that prepare.py wrote:
#
#     sh examples/recipes/train.sh DATA OUT [TASK...]
#
# OUT/TASK/adapter is the adapter of a task, OUT/TASK the whole model. One thread and the instructions of AVX2: the same
# sums in every run, and on processors that have more.
set -eu
data=$1 out=$2
shift 2
export OMP_NUM_THREADS=1 ATEN_CPU_CAPABILITY=avx2 ONEDNN_MAX_CPU_ISA=AVX2

learn() { # COMMAND TASK FILE SETTINGS
    command=$1 task=$2 file=$3
    shift 3
    ferrobert "$command" "$data/$task/$file" --model sentence-transformers/all-MiniLM-L6-v2 \
        --lora-target all-linear --dropout 0 --seed 0 --device cpu --output-dir "$out/$task" --overwrite "$@"
}

train() { # TASK FILE SETTINGS
    learn train "$@" --lora 16
}

for task in ${*:-text-classification token-classification zero-shot-classification question-answering fill-mask}; do
    case $task in
    text-classification)
        train $task train.csv --epochs 3 --batch-size 32 --learning-rate 1e-3 ;;
    token-classification)
        train $task train.conll --task ner --epochs 5 --batch-size 16 --learning-rate 1e-3 --group-by-length ;;
    zero-shot-classification)
        train $task train.csv --text-pair-column text_pair --epochs 5 --batch-size 16 --learning-rate 1e-3 ;;
    question-answering)
        train $task train.json --task question-answering --epochs 1 --batch-size 16 --learning-rate 1.5e-3 ;;
    fill-mask)  # rank 12: with the head it is as large as the others
        learn pretrain $task train.txt --lora 12 --epochs 3 --batch-size 16 --learning-rate 2e-3 --max-length 128 \
            --document-format line --no-curve ;;
    *)
        echo "no recipe for $task" >&2
        exit 2 ;;
    esac
done
