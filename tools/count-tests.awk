# Counts the test cases in a meson testlog.txt: appends "passed failed" to the file `tally`, and shows the tail of the log of
# each program that failed. A cmocka program counts each of its cases; another program counts as one. A program that crashed,
# timed out or failed outside a case (a leak at exit) counts as one failure more.
/^=+ [0-9]+\/[0-9]+ =+$/ { finish(); open = 1; next }
!open { next }
/^=+$/ { finish(); next }
/^test: / { name = substr($0, 15) }
/^result: / { result = substr($0, 15) }
{ line[lines++] = $0 }
/^\[       OK \] / { ok++ }
/^\[==========\] Running / { cmocka = 1 }
/^\[  FAILED  \] [0-9]+ test\(s\), listed below/ { bad += $4 }

function finish(    i, from) {
	if (!open)
		return
	good_exit = result == "exit status 0"
	if (!cmocka)
		good_exit ? ok++ : bad++
	else if ((good_exit && ok + bad == 0) || (!good_exit && bad == 0))
		bad++
	if (bad > 0 || !good_exit) {
		printf "--- %s: %s; the end of its log:\n", name, result
		from = lines > 40 ? lines - 40 : 0
		for (i = from; i < lines; i++)
			print "    " line[i]
	}
	passed += ok
	failed += bad
	open = ok = bad = cmocka = lines = 0
	result = ""
}
END {
	finish()
	print passed + 0, failed + 0 >> tally
	exit passed + failed == 0
}
