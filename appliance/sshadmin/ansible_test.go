package sshadmin_test

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-os/gatehouse/appliance/sshadmin/sshcfg"
)

// theRealThing has a server know all commands of the userland, its shell too, and nothing else.
func theRealThing(t *testing.T) func(*sshcfg.Config) {
	t.Helper()
	bin := t.TempDir()
	program := filepath.Join(bin, "userland")
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	build := exec.CommandContext(ctx, "go", "build", "-o", program, "github.com/gatehouse-os/gatehouse/appliance/cmd/userland")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	names, err := exec.CommandContext(ctx, program, "names").Output()
	if err != nil {
		t.Fatal(err)
	}
	for name := range strings.FieldsSeq(string(names)) {
		if err := os.Symlink(program, filepath.Join(bin, name)); err != nil {
			t.Fatal(err)
		}
	}
	own, err := os.Executable()
	if err == nil {
		err = os.Symlink(own, filepath.Join(bin, "scp")) // which is of the program that has a network
	}
	if err != nil {
		t.Fatal(err)
	}
	home := t.TempDir()
	return func(c *sshcfg.Config) {
		c.Shell, c.SFTPServer = filepath.Join(bin, "sh"), filepath.Join(bin, "sftp-server")
		c.Env = []string{"PATH=" + bin, "HOME=" + home}
	}
}

// TestAnsible sends what Ansible sends (2.14; plugins/shell/sh.py, plugins/connection/ssh.py): for raw a
// command by a shell, with a terminal too; for modules a directory of its own, a file in it by sftp or scp,
// its mode, its run, its end; and with pipelining the module by the standard input of a shell.
func TestAnsible(t *testing.T) {
	t.Parallel()
	d := start(t, theRealThing(t))
	sh := func(command string) string { return "/bin/sh -c '" + command + "'" }
	// The box has /bin/sh; this machine's is another one.
	shell := d.cfg.Shell
	remote := func(options []string, command, stdin string) outcome {
		command = strings.ReplaceAll(command, "/bin/sh", shell)
		options = append([]string{"-C", "-o", "KbdInteractiveAuthentication=no", "-o", "ConnectTimeout=10"}, options...)
		return run(t, d.ssh(t, options, command), strings.NewReader(stdin))
	}
	if got := remote([]string{"-tt"}, "echo raw $((6*7))", ""); strings.TrimSpace(got.stdout) != "raw 42" || got.status != 0 {
		t.Fatalf("raw: %+v", got)
	}
	got := remote(nil, sh(`echo ~ && sleep 0`), "")
	home := strings.TrimSpace(got.stdout)
	if !filepath.IsAbs(home) || got.status != 0 {
		t.Fatalf("the home: %+v", got)
	}
	tmp := home + "/.ansible/tmp/ansible-tmp-1700000000.1-2-3"
	got = remote(nil, sh(`( umask 77 && mkdir -p "`+"` echo "+home+"/.ansible/tmp `"+`"&& mkdir "`+"` echo "+tmp+" `"+`" && echo ansible-tmp-1700000000.1-2-3="`+"` echo "+tmp+" `"+`" ) && sleep 0`), "")
	if got.stdout != "ansible-tmp-1700000000.1-2-3="+tmp+"\n" {
		t.Fatalf("the directory: %+v", got)
	}
	if info := must(os.Stat(tmp)); info.Mode().Perm() != 0o700 {
		t.Errorf("the directory has mode %v", info.Mode())
	}
	module := filepath.Join(t.TempDir(), "AnsiballZ_ping.py")
	if err := os.WriteFile(module, []byte("#!"+shell+"\necho '{\"ping\": \"pong\"}'; exit 3\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	sftp := openSSH("sftp", "-b", "-", "-C", "-o", "User=admin")(t, d, "[127.0.0.1]")
	sftp.Stdin = strings.NewReader("put '" + module + "' '" + tmp + "/AnsiballZ_ping.py'\n")
	finish(t, sftp)
	finish(t, openSSH("scp", "-O", "-C", "-o", "User=admin")(t, d, module, "[127.0.0.1]:'"+tmp+"/by_scp.py'"))
	if readFile(t, tmp+"/by_scp.py") != readFile(t, module) {
		t.Error("scp brought something else")
	}
	got = remote(nil, sh("chmod u+x "+tmp+"/ "+tmp+"/AnsiballZ_ping.py && sleep 0"), "")
	if got.status != 0 {
		t.Fatalf("chmod: %+v", got)
	}
	got = remote([]string{"-tt"}, sh(tmp+"/AnsiballZ_ping.py && sleep 0"), "")
	if strings.TrimSpace(got.stdout) != `{"ping": "pong"}` || got.status != 3 {
		t.Errorf("the module: %+v", got)
	}
	got = remote(nil, sh("rm -f -r "+tmp+"/ > /dev/null 2>&1 && sleep 0"), "")
	if _, err := os.Stat(tmp); err == nil || got.status != 0 {
		t.Errorf("the end: %+v, %v", got, err)
	}
	got = remote(nil, sh("/bin/sh && sleep 0"), "read x <<E\npiped\nE\necho $x\nexit 4\n") // pipelining
	if got.stdout != "piped\n" || got.status != 4 {
		t.Errorf("a module by a pipe: %+v", got)
	}
	fetch := openSSH("sftp", "-b", "-", "-C", "-o", "User=admin")(t, d, "[127.0.0.1]")
	fetch.Stdin = strings.NewReader("get '" + shell + "' '" + module + ".back'\n")
	finish(t, fetch)
	got = remote(nil, sh(`test -e `+home+` ; echo $? && ( (sha1sum `+shell+` | cut -c1-5) || echo no ) && sleep 0`), "")
	if got.status != 0 || !strings.HasPrefix(got.stdout, "0\n") {
		t.Errorf("a check: %+v", got)
	}
}
