package sh

import (
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/gatehouse-os/gatehouse/appliance/userland/getopt"
)

// listJobs prints jobs: -l with the number of their first process, -p that alone.
func listJobs(s *shell, args []string) int {
	options, rest, err := letters(args, "lp", "")
	if err != nil {
		return s.misused("jobs", "%v", err)
	}
	s.reap()
	list := slices.DeleteFunc(slices.Clone(s.jobs.list), func(j *job) bool { return j.waited })
	slices.SortFunc(list, func(a, b *job) int { return a.number - b.number })
	status := 0
	if len(rest) > 0 {
		list = nil
		for _, word := range rest {
			j, err := s.jobs.find(word)
			if err != nil {
				s.say("%v", err)
				status = exitUsage
				continue
			}
			list = append(list, j)
		}
	}
	for _, j := range list {
		if options['p'] != "" {
			s.printf("%d\n", j.pgid)
			continue
		}
		s.printf("%s", s.line(j, options['l'] != ""))
	}
	for _, j := range list {
		j.told = j.state()
		if j.told == done && options['p'] == "" {
			s.jobs.remove(j)
		}
	}
	return status
}

// fg continues a job and waits for it.
func fg(s *shell, args []string) int {
	j, status := s.chosen(args)
	if j == nil {
		return status
	}
	s.printf("%s\n", j.text)
	s.flushed(0)
	s.awaken(j, true)
	return s.foreground(j)
}

// bg continues jobs and does not wait for them.
func bg(s *shell, args []string) int {
	if len(args) == 1 {
		args = append(args, "%%")
	}
	for _, word := range args[1:] {
		j, status := s.chosen([]string{args[0], word})
		if j == nil {
			return status
		}
		s.printf("[%d] %s\n", j.number, j.text)
		s.awaken(j, false)
	}
	return 0
}

// chosen is the job of fg and bg.
func (s *shell) chosen(args []string) (*job, int) {
	word := "%%"
	if len(args) > 1 {
		word = args[1]
	}
	s.reap()
	j, err := s.jobs.find(word)
	if err != nil {
		s.say("%v", err)
		return nil, exitUsage
	}
	if !s.flags['m'] {
		s.say("job %s not created under job control", word)
		return nil, exitUsage
	}
	return j, 0
}

// wait waits for jobs, all of them if none is named.
func wait(s *shell, args []string) int {
	_, words, err := getopt.Parse(args[1:], "")
	if err != nil {
		return s.misused("wait", "%v", err)
	}
	s.catch(unix.SIGCHLD)
	if len(words) == 0 {
		for _, j := range slices.Clone(s.jobs.list) {
			if j.foreign {
				continue
			}
			if status := s.awaitJob(j); status != 0 {
				return status
			}
			j.waited = j.state() == done
		}
		return 0
	}
	status := 0
	for _, word := range words {
		j, err := s.jobs.find(word)
		if err != nil {
			if _, notNumber := strconv.Atoi(word); notNumber != nil {
				s.say("%v", err)
				return exitUsage
			}
			status = exitNotFound
			continue
		}
		if status = s.awaitJob(j); status != 0 {
			return status
		}
		status, j.waited = j.status(), j.state() == done
	}
	return status
}

// awaitJob waits until a job is done or stops. Its status is that of a signal that came first: also of one
// that the job has sent with its last breath.
func (s *shell) awaitJob(j *job) int {
	const patience = 5 * time.Second
	for first := true; ; first = false {
		for _, p := range j.procs {
			p.wait(unix.WNOHANG | unix.WUNTRACED | unix.WCONTINUED)
		}
		over := j.state() != running
		if over && first {
			return 0
		}
		if s.interrupted() {
			panic(leave{status: exitSignal + int(unix.SIGINT), interrupt: true})
		}
		if sig := s.trapped(); sig != 0 {
			return exitSignal + int(sig)
		}
		if over && s.traps["CHLD"] == "" {
			return 0
		}
		if !over {
			<-s.wake
			continue
		}
		select { // its signal is on the way
		case <-s.wake:
		case <-time.After(patience):
			return 0
		}
	}
}

// kill signals jobs and processes: the command does, which knows no jobs.
func kill(s *shell, args []string) int {
	s.reap() // who has ended is not there any more
	words, groups := []string{args[0]}, false
	for _, word := range args[1:] {
		if !strings.HasPrefix(word, "%") {
			words = append(words, word)
			continue
		}
		j, err := s.jobs.find(word)
		if err != nil {
			s.say("%v", err)
			return exitUsage
		}
		number := strconv.Itoa(j.pgid)
		if j.group {
			number, groups = "-"+number, true
		}
		words = append(words, number)
		if j.state() == stopped && !strings.Contains(strings.Join(args, " "), "STOP") {
			defer s.awaken(j, false) // it could not die
		}
	}
	if groups && !strings.HasPrefix(args[1], "-") {
		words = slices.Insert(words, 1, "-TERM") // the number of a group would be a signal
	}
	defer s.awaitOwn(words)
	if utility := s.program.Utilities["kill"]; utility != nil {
		return s.utility(utility, words)
	}
	return s.external(words, false)
}

// awaitOwn waits for the signal that a shell has sent itself, if there is a trap for it: that runs before the
// next command.
func (s *shell) awaitOwn(words []string) {
	const patience = time.Second
	options, rest, err := letters(words, "", "s")
	n := "TERM"
	if err != nil { // -TERM
		n, rest = words[1][1:], words[2:]
	} else if options['s'] != "" {
		n = options['s']
	}
	n, ok := signalOf(n)
	if !ok || n == "EXIT" || s.traps[n] == "" || !slices.Contains(rest, strconv.Itoa(os.Getpid())) {
		return
	}
	for end := time.Now().Add(patience); !s.pending[byName(n)].Load() && time.Now().Before(end); {
		time.Sleep(50 * time.Microsecond)
	}
}
