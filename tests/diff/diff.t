#!/bin/sh
# Short form of the differential test: every form of the table about ten times, and the regression list.
exec "${VMM_BUILD:-build}/tests/diff/diff" --seed 20261 --cases 500000 --list tests/diff/seeds.txt
