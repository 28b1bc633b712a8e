"""The simulator held to the machine: a suite of cases, run and simulated round by round, judged, and its sheet.

load      the suite: a YAML file, checked before anything is measured
items     what there is to do in every round
measure   one of them: run, simulated, what the two say
rounds    all of them, several times, and on from there after a kill
judge     each case: predicted against measured, over the rounds
verdict   all cases together: what held and what was missed
sheet     for people and for programs
page      the sheet to look at
"""
