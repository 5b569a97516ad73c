#!/bin/sh
# Short form of the differential test: every form of the table about three times, and the regression list.
exec "${VMM_BUILD:-build}/tests/diff/diff" --seed 20261 --cases 150000 --list tests/diff/seeds.txt
