package sshadmin_test

import (
	"fmt"
	"os/exec"
	"testing"
)

// paramikoFiles opens files in the ways of Python's open, and prints of each what is there before and after
// its end.
const paramikoFiles = `
import os, paramiko, sys
host, port, key, d = sys.argv[1:5]
c = paramiko.SSHClient()
c.set_missing_host_key_policy(paramiko.AutoAddPolicy())
c.connect(host, int(port), "admin", key_filename=key, allow_agent=False, look_for_keys=False)
f = c.open_sftp()
def there(name):
    try: return open(d + "/" + name).read()
    except FileNotFoundError: return None
def use(name, mode, text, at=None):
    h = f.open(d + "/" + name, mode)
    if at is not None: h.seek(at)
    h.write(text); h.flush()
    size = f.stat(d + "/" + name).st_size
    before = there(name); h.close()
    print(name, mode, size, before, there(name))
use("new", "w", "hello"); use("new", "w", "bye"); use("new", "a", "!"); use("new", "r+", "X", 1)
use("both", "w+", "abc"); use("lock", "wx", "mine")
try: f.open(d + "/lock", "wx"); print("taken twice")
except IOError as e: print("taken")
open(d + "/large", "wb").write(os.urandom(5 << 20))
f.put(d + "/large", d + "/up"); f.get(d + "/up", d + "/down")
print(open(d + "/large", "rb").read() == open(d + "/down", "rb").read(), len(os.listdir(d)))
`

func TestParamikoFiles(t *testing.T) {
	t.Parallel()
	d, dir := start(t, withTransfer(t)), t.TempDir()
	cmd := exec.CommandContext(t.Context(), python, "-c", paramikoFiles, d.addr.Addr().String(), fmt.Sprint(d.addr.Port()), d.key, dir)
	out, err := cmd.CombinedOutput()
	const want = "new w 5 None hello\nnew w 3 hello bye\nnew a 4 bye! bye!\nnew r+ 4 bXe! bXe!\nboth w+ 3 None abc\nlock wx 4 mine mine\ntaken\nTrue 6\n"
	if string(out) != want || err != nil {
		t.Errorf("(Debian package python3-paramiko) %v: %s\nwant:\n%s", err, out, want)
	}
}
