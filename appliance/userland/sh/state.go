package sh

import (
	"fmt"
	"os"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
	"mvdan.cc/sh/v3/syntax"

	"github.com/gatehouse-os/gatehouse/appliance/userland/command"
)

// shell is one process of the shell. All of it belongs to the goroutine of Run but for the signals, which are
// counted by another.
type shell struct {
	program Program
	pid     int    // $$: that of the first shell
	name    string // $0
	params  []string
	dir     string // the directory, by the names that led there
	status  int    // $?
	lastJob int    // $!

	vars      map[string]*variable
	hidden    []map[string]*variable // of each function that runs, what its local variables hide
	functions map[string]*function
	aliases   map[string]string
	flags     map[byte]bool // of set
	pipefail  bool
	getopts   int // how far getopts is in its word

	output []byte // of a builtin

	fds  map[int]int // the shell's files: of a number in a script, the descriptor of the process
	held map[int]int // descriptors that get a number back: for how many redirections
	jobs jobs
	signals
	piped []pipedProcess // of <( ) in the commands that run

	tty  *terminal // nil unless interactive
	edit *editor   // nil unless interactive

	loops     int                  // that run around a command
	calls     int                  // functions and files
	function  string               // the innermost: FUNCNAME
	speaker   string               // who complains beside $0: a script, a file, a builtin; "": nobody
	depth     int                  // of all that calls itself
	above     int                  // lines of the script before those that positions count
	lineno    int                  // of the command that runs: LINENO
	written   map[*syntax.Stmt]int // lines of commands whose positions do not say them
	tested    int                  // above 0: -e does not look at the status
	jump      jump
	substatus int // of the last command substitution
	trapping  int // status from before a trap that runs, plus 1

	inside     bool // this process is a subshell
	typed      bool // and of a person's
	oneCommand bool // what is read first is all there is: a program at its end needs no process of its own
	lines      int  // that a person has typed
	warned     int  // which of them was warned of stopped jobs
	finished   bool // nothing more is read
	exited     bool // the EXIT trap has run
}

// A jump is under way: commands end until it is where it goes.
type jump struct {
	kind  jumpKind
	loops int // still to leave
}

type jumpKind int

const (
	noJump jumpKind = iota
	breaking
	continuing
	returning
)

// leave ends commands at once by a panic, which run, a subshell's end and `command` catch.
type leave struct {
	status int
	exit   bool // the shell ends; else it only does when it is not interactive

	interrupt bool // by ^C
}

type variable struct {
	value            string
	set              bool
	export, readonly bool
}

// function is one, which is parsed when it is called first: a subshell may never do that.
type function struct {
	text  string
	lines string // of the script, of the commands in the text
	body  *syntax.Stmt
	above int // lines of the script above those that positions in the body count
}

const optionLetters = "aCefhmnuvxbVEIi"

// optionNames are those of set -o.
func optionNames() map[string]byte {
	return map[string]byte{
		"errexit": 'e', "noglob": 'f', "ignoreeof": 'I', "monitor": 'm', "noexec": 'n', "xtrace": 'x',
		"verbose": 'v', "noclobber": 'C', "allexport": 'a', "notify": 'b', "nounset": 'u', "errtrace": 'T',
		"pipefail": 0, "vi": 'V', "emacs": 'E', "hashall": 'h',
	}
}

func newShell(p Program) *shell {
	if p.Profile == "" {
		p.Profile = profile
	}
	s := &shell{
		program: p, pid: os.Getpid(), vars: map[string]*variable{}, functions: map[string]*function{},
		aliases: map[string]string{}, flags: map[byte]bool{}, fds: map[int]int{}, held: map[int]int{},
		signals: newSignals(),
	}
	s.inherit()
	for name, value := range map[string]string{
		"IFS": " \t\n", "PS1": "$ ", "PS2": "> ", "PS4": "+ ", "OPTIND": "1", "PATH": defaultPath,
		"PPID": fmt.Sprint(os.Getppid()),
	} {
		s.vars[name] = &variable{value: value, set: true}
	}
	return s
}

// inherit takes over the files that the process has been given: they have the same numbers in scripts.
// Programs get them from the shell's own table alone.
func (s *shell) inherit() {
	for fd := range 10 {
		flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0)
		if err != nil || fd > 2 && flags&unix.FD_CLOEXEC != 0 {
			continue
		}
		s.fds[fd] = fd
		if fd > 2 {
			unix.CloseOnExec(fd)
		}
	}
}

// environment takes variables from it.
func (s *shell) environment(list []string) {
	for _, entry := range list {
		name, value, ok := strings.Cut(entry, "=")
		if ok && syntax.ValidName(name) && !slices.Contains([]string{"IFS", "PPID", "OPTIND", "PS4"}, name) {
			s.vars[name] = &variable{value: value, set: true, export: true}
		}
	}
	if v := s.vars["PATH"]; v.value == "" {
		v.value, v.export = defaultPath, true
	}
	dir := s.value("PWD")
	if !isHere(dir) {
		var err error
		if dir, err = os.Getwd(); err != nil {
			dir = "/" // the directory is gone
			_ = os.Chdir(dir)
		}
	}
	s.dir = dir
	v := s.vars["PWD"]
	s.vars["PWD"] = &variable{value: dir, set: true, export: v != nil && v.export}
}

// isHere reports whether a path without . and .. is that of the directory.
func isHere(path string) bool {
	if !strings.HasPrefix(path, "/") || strings.Contains(path+"/", "/./") || strings.Contains(path+"/", "/../") {
		return false
	}
	var a, b unix.Stat_t
	return unix.Stat(path, &a) == nil && unix.Stat(".", &b) == nil && a.Dev == b.Dev && a.Ino == b.Ino
}

// say writes a complaint as ash does: who speaks, and the line of the command that runs, but not to a person
// who has typed it.
func (s *shell) say(format string, args ...any) { s.sayAt(s.lineno, format, args...) }

func (s *shell) sayAt(line int, format string, args ...any) {
	s.print("%s", s.complaint(line, format, args...))
}

func (s *shell) complaint(line int, format string, args ...any) string {
	for i, arg := range args {
		if err, ok := arg.(error); ok {
			args[i] = command.Message(err)
		}
	}
	where := s.name + ": "
	if s.speaker != "" && s.speaker != s.name {
		where += s.speaker + ": "
	}
	if s.speaker != "" && !(s.interactive() || s.typed) {
		where += fmt.Sprintf("line %d: ", line)
	}
	return where + fmt.Sprintf(format, args...) + "\n"
}

// abandon complains and ends a script, or the line of a person.
func (s *shell) abandon(status int, format string, args ...any) {
	s.say(format, args...)
	panic(leave{status: status})
}

// interactive reports whether a person is there.
func (s *shell) interactive() bool { return s.tty != nil }
