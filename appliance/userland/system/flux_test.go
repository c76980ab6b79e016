package system_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// TestComingAndGoing: that processes end while one looks at them is no error.
func TestComingAndGoing(t *testing.T) {
	own, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for _, name := range []string{"ps", "pgrep", "pidof", "lsof", "fuser", "pstree", "top", "w"} {
		if err := os.Symlink(own, filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	const script = `cd "$0"
while :; do for n in 1 2 3 4 5 6 7 8 9; do /bin/true & done; wait; done &
for n in 1 2 3 4 5; do
	./ps && ./ps -T && ./pgrep -f dash && ./pidof dash && ./lsof && ./fuser /bin/dash && ./pstree && ./top -b -n 2 -d 0.1 && ./w || exit
done > out 2> err
grep -v '^/usr/bin/dash:\|^/bin/dash:' err
echo good`
	cmd := exec.Command("/usr/bin/unshare", "--pid", "--fork", "--mount-proc", "--kill-child", "/bin/dash", "-c", script, dir)
	cmd.Env = append(os.Environ(), "GORACE=atexit_sleep_ms=0")
	out, err := cmd.CombinedOutput()
	if err != nil || string(out) != "good\n" {
		said, _ := os.ReadFile(filepath.Join(dir, "err"))
		t.Errorf("%v: %s%s", err, out, said)
	}
}
