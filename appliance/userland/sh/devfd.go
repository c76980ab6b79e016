package sh

import (
	"fmt"
	"strconv"
	"strings"
)

// actual is the name by which this process has a file that a script names by its number, as /dev/stderr or
// /dev/fd/3. The numbers of scripts are not those of the process, which keeps them in a table.
func (s *shell) actual(name string) string {
	n, ok := fileNumber(name)
	if !ok {
		return name
	}
	return fmt.Sprintf("/proc/self/fd/%d", s.descriptor(n))
}

// descriptor is that of a number; one that is not open is -1.
func (s *shell) descriptor(n int) int {
	if fd, ok := s.fds[n]; ok {
		return fd
	}
	return -1
}

// fileNumber is the number that a name stands for.
func fileNumber(name string) (n int, ok bool) {
	switch name {
	case "/dev/stdin":
		return 0, true
	case "/dev/stdout":
		return 1, true
	case "/dev/stderr":
		return 2, true
	}
	for _, dir := range []string{"/dev/fd/", "/proc/self/fd/"} {
		if word, isIn := strings.CutPrefix(name, dir); isIn {
			n, err := strconv.Atoi(word)
			return n, err == nil
		}
	}
	return 0, false
}

// testedFiles are the arguments of test with files of the script as the process has them: those behind -t, -e
// and their like.
func (s *shell) testedFiles(args []string) []string {
	actual := append([]string{}, args...)
	for i, arg := range args[1:] {
		op := args[i]
		switch n, err := strconv.Atoi(arg); {
		case op == "-t" && err == nil:
			actual[i+1] = strconv.Itoa(s.descriptor(n))
		case len(op) == 2 && op[0] == '-':
			actual[i+1] = s.actual(arg)
		}
	}
	return actual
}
