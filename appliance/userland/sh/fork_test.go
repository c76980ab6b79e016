package sh

import (
	"reflect"
	"strconv"
	"testing"

	"golang.org/x/sys/unix"
)

// What a subshell is told of the shell's fields, and what is not its own. A new field must stand in one list.
var (
	carried = []string{
		"pid", "name", "params", "dir", "status", "lastJob", "vars", "hidden", "functions", "aliases", "flags",
		"pipefail", "getopts", "fds", "jobs", "loops", "calls", "function", "speaker", "tested", "typed",
		"oneCommand", "depth", "trapping", "traps", "fixed",
	}
	left = map[string]string{
		"program": "the process is the same program", "output": "no builtin runs at a fork",
		"held": "its redirections are not undone", "tty": "a subshell is not interactive",
		"edit": "a subshell is not interactive", "above": "lines go with the commands",
		"lineno": "lines go with the commands", "written": "lines go with the commands",
		"jump": "none is under way at a fork", "substatus": "of the command that is expanded",
		"inside": "is what the subshell is", "lines": "of a person", "warned": "of a person",
		"finished": "of the shell itself", "exited": "the trap is not there", "signals": "its fields follow",
		"caught": "each process has its own", "marks": "each process has its own", "marked": "each process has its own", "wake": "each process has its own",
		"poll": "each process has its own", "pending": "each process has its own",
		"any": "each process has its own", "owned": "each process has its own",
		"piped": "the command is not the subshell's", "hung": "each process has its own", "current": "each process has its own",
	}
)

// TestImage: all that the shell knows a subshell knows too.
func TestImage(t *testing.T) {
	names := map[string]bool{}
	for _, typ := range []reflect.Type{reflect.TypeFor[shell](), reflect.TypeFor[signals]()} {
		for i := range typ.NumField() {
			names[typ.Field(i).Name] = true
		}
	}
	for _, name := range carried {
		if !names[name] || left[name] != "" {
			t.Errorf("%s is no field, or left", name)
		}
		delete(names, name)
	}
	for name := range names {
		if left[name] == "" {
			t.Errorf("the field %s: image does not say it to a subshell, and nobody says why not", name)
		}
	}

	before, after := full(t), newShell(Program{})
	fd, err := memory("image", before.image(nil, false, before.fds))
	if err != nil {
		t.Fatal(err)
	}
	if _, _, _, err := after.restore(strconv.Itoa(fd)); err != nil {
		t.Fatal(err)
	}
	for _, f := range before.functions { // it is parsed from its text
		f.body, f.above = nil, 0
	}
	before.flags['i'], before.flags['m'] = false, false // a subshell has no jobs of its own
	before.typed = true
	before.hidden = []map[string]*variable{{"inner": before.vars["inner"]}}
	for _, j := range before.jobs.list {
		j.foreign = true
	}
	for _, name := range carried {
		want := reflect.ValueOf(before).Elem().FieldByName(name)
		got := reflect.ValueOf(after).Elem().FieldByName(name)
		if want.IsZero() {
			t.Errorf("%s: the test must set it", name)
		}
		if !reflect.DeepEqual(field(want), field(got)) {
			t.Errorf("%s:\n got %+v\nwant %+v", name, field(got), field(want))
		}
	}
}

// field is the value of a field that is not exported.
func field(v reflect.Value) any {
	return reflect.NewAt(v.Type(), v.Addr().UnsafePointer()).Elem().Interface()
}

// full is a shell with something in each field that is carried.
func full(t *testing.T) *shell {
	fd, err := openFile("/dev/null", unix.O_RDONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Close(fd) })
	s := newShell(Program{})
	s.pid, s.name, s.params, s.dir, s.status, s.lastJob = 7, "$0", []string{"a b", "", "c:1"}, "/dir", 3, 99
	s.vars = map[string]*variable{
		"a": {value: "1\n2", set: true}, "unset": {export: true}, "ro": {value: "é", set: true, readonly: true},
		"inner": {value: "x", set: true, export: true},
	}
	s.hidden = []map[string]*variable{{"outer": nil}, {"inner": {value: "hidden", set: true}}}
	s.functions = map[string]*function{"f": {text: "{ echo a; }", lines: "4 5 ", above: 3}}
	s.aliases = map[string]string{"l": "ls -l "}
	for _, letter := range []byte(optionLetters + "csT") {
		s.flags[letter] = true
	}
	s.pipefail, s.getopts, s.fds = true, 2, map[int]int{fd: fd}
	s.jobs.list = []*job{{number: 2, text: "sleep 9", pgid: 50, procs: []*proc{{pid: 50, state: stopped}}}}
	s.loops, s.calls, s.function, s.speaker, s.tested = 2, 3, "f", "script", 1
	s.oneCommand, s.depth, s.trapping = true, 12, 4
	s.traps = map[string]string{"EXIT": "echo bye", "INT": ""}
	s.fixed[unix.SIGTERM] = true
	return s
}
