#!/bin/sh
# This stands in for the commands of SGE, PBS and LSF that profiles/ calls, by the name under which
# it is called. It runs one job at a time and "kills" the very first. A test with it checks that the
# profiles' command lines are well-formed and their answers understood, not that a scheduler of that
# name would take them. The file named in LATE stays hidden for LATE_S seconds after the job that
# made it ended, as an NFS may hide it from the machine that asks.
state="$(dirname "$0")/state"
mkdir -p "$state"
name="$(basename "$0")"
for last; do :; done

ended() { # print the exit status of a job, or nothing while it runs
  cat "$state/$last.status" 2> /dev/null
}

run() { # run a job, by its number
  setsid "$last" > "$state/$1.log" 2>&1
  status=$?
  if [ -e "${LATE:=}" ]; then
    mv "$LATE" "$state/late.$1"
    (sleep "$LATE_S"; mv "$state/late.$1" "$LATE") &
  fi
  echo $status > "$state/$1.status"
}

case "$name" in
  qsub | bsub)
    id=$(($(wc -l < "$state/submitted" 2> /dev/null || echo 0) + 1))
    echo "$@" >> "$state/submitted"
    if [ "$id" -eq 1 ]; then
      echo 137 > "$state/$id.status"
    else
      (run "$id") > /dev/null 2>&1 & # the parentheses let go of the pipe that the submitter reads
    fi
    [ "$name" = bsub ] && echo "Job <$id> is submitted to default queue <normal>." || echo "$id"
    ;;
  bjobs) case "$(ended)" in "") echo RUN ;; 0) echo DONE ;; *) echo EXIT ;; esac ;;
  qacct) [ -n "$(ended)" ] && printf 'failed       0\nexit_status  %s\n' "$(ended)" ;;
  qstat)
    if [ "$1" = -x ]; then
      [ -n "$(ended)" ] && printf '    job_state = F\n    Exit_status = %s\n' "$(ended)" ||
        echo "    job_state = R"
    else
      [ -z "$(ended)" ] # SGE forgets ended jobs
    fi
    ;;
esac
