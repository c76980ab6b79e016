package multicall

import (
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"testing"

	"golang.org/x/sys/unix"
)

// TestMain is also a process that says what it is told to ignore, and another that it starts.
func TestMain(m *testing.M) {
	left, err := strconv.Atoi(os.Getenv("TEST_TELL"))
	if err != nil {
		os.Exit(m.Run())
	}
	for _, sig := range Ignored() {
		fmt.Print(sig, " ")
	}
	fmt.Println()
	if left > 1 {
		cmd := exec.Command(os.Args[0])
		cmd.Env, cmd.Stdout = []string{"TEST_TELL=1"}, os.Stdout
		if err := cmd.Run(); err != nil {
			fmt.Println(err)
		}
	}
}

// TestIgnored: a process that is started so, and one that this starts, are told, and others are not.
func TestIgnored(t *testing.T) {
	own, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	told := func() string {
		cmd := exec.Command(own)
		cmd.Env = append(os.Environ(), "TEST_TELL=2")
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		return string(out)
	}
	after := StartIgnoring([]unix.Signal{unix.SIGTERM, unix.SIGQUIT})
	during := told()
	after()
	if want := "quit terminated \nquit terminated \n"; during != want {
		t.Errorf("told %q, want %q", during, want)
	}
	if then := told(); then != "\n\n" {
		t.Errorf("afterwards told %q", then)
	}
}
