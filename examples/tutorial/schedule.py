"""The learning rate of each step: warm-up for a tenth of the steps, then a straight line to 0.

usage: python examples/tutorial/schedule.py [ROWS BATCH_SIZE]
"""

import math
import sys

import torch
from transformers import get_linear_schedule_with_warmup

ROWS, BATCH_SIZE = (int(sys.argv[1]), int(sys.argv[2])) if len(sys.argv) > 2 else (8, 4)
EPOCHS = 3
LEARNING_RATE = 2e-5
WARMUP_RATIO = 0.1

total_steps = math.ceil(ROWS / BATCH_SIZE) * EPOCHS
print(f"Total training steps: {total_steps}")
print(
    f"Warmup steps: {int(total_steps * WARMUP_RATIO)} rounded down, {math.ceil(total_steps * WARMUP_RATIO)} rounded up"
)
print(f"Peak LR: {LEARNING_RATE}, then linear decay to 0")

for name, rounded in (("down", int), ("up", math.ceil)):
    optimizer = torch.optim.AdamW([torch.nn.Parameter(torch.zeros(1))], lr=LEARNING_RATE, eps=1e-8)
    scheduler = get_linear_schedule_with_warmup(optimizer, rounded(total_steps * WARMUP_RATIO), total_steps)
    rates = []
    for _ in range(total_steps):
        rates.append(scheduler.get_last_lr()[0])
        optimizer.step()
        scheduler.step()
    print(f"rounded {name}: first {rates[0]:.1e}, highest {max(rates):.1e}, last {rates[-1]:.1e}")
