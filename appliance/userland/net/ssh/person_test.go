package ssh_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/creack/pty"
)

// A person sits at a terminal with a program.
type person struct {
	t    *testing.T
	tty  *os.File
	cmd  *exec.Cmd
	mu   sync.Mutex
	seen bytes.Buffer
	read int // how far waits have come
}

// sit runs a line on a terminal of 33 lines and 99 columns.
func (s *servers) sit(t *testing.T, programs, dir, line string) *person {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	p := &person{t: t, cmd: exec.CommandContext(ctx, "sh", "-c", s.prelude()+"exec "+line)}
	p.cmd.Dir = dir
	p.cmd.Env = []string{"PATH=" + programs + ":" + os.Getenv("PATH"), "HOME=" + dir, "USER=root", "LC_ALL=C", "TERM=vt100"}
	var err error
	if p.tty, err = pty.StartWithSize(p.cmd, &pty.Winsize{Rows: 33, Cols: 99}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.tty.Close() })
	go func() {
		buf := make([]byte, 4096)
		for {
			n, err := p.tty.Read(buf)
			p.mu.Lock()
			p.seen.Write(buf[:n])
			p.mu.Unlock()
			if err != nil {
				return
			}
		}
	}()
	return p
}

// sees waits for a text behind what was waited for before, and types.
func (p *person) sees(text, types string) {
	p.t.Helper()
	for end := time.Now().Add(patience); ; time.Sleep(5 * time.Millisecond) {
		p.mu.Lock()
		at := strings.Index(p.seen.String()[p.read:], text)
		if at >= 0 {
			p.read += at + len(text)
		}
		all := p.seen.String()
		p.mu.Unlock()
		if at >= 0 {
			break
		}
		if time.Now().After(end) {
			p.t.Fatalf("%q is not there:\n%s", text, all)
		}
	}
	if types != "" {
		// A program that reads passwords may throw away what was typed before it was ready.
		time.Sleep(100 * time.Millisecond)
		if _, err := p.tty.WriteString(types); err != nil {
			p.t.Fatal(err)
		}
	}
}

// ends waits for the end of the program.
func (p *person) ends(status int) string {
	p.t.Helper()
	_ = p.cmd.Wait() // the status says it
	time.Sleep(50 * time.Millisecond)
	p.mu.Lock()
	defer p.mu.Unlock()
	if got := p.cmd.ProcessState.ExitCode(); got != status {
		p.t.Errorf("status %d, want %d:\n%s", got, status, p.seen.String())
	}
	return p.seen.String()
}

// TestPerson has a person at both programs, who sees and types the same.
func TestPerson(t *testing.T) {
	t.Parallel()
	s := newServers(t)
	ours, theirs := programs(t)
	for who, programs := range map[string]string{"ours": ours, "OpenSSH's": theirs} {
		for name, test := range map[string]func(*testing.T, string, string){
			"host": s.testHost, "password": s.testPassword, "passphrase": s.testPassphrase, "terminal": s.testTerminal, "keygen": s.testKeygen,
		} {
			t.Run(who+"/"+name, func(t *testing.T) {
				t.Parallel()
				dir := t.TempDir()
				s.furnish(t, dir)
				test(t, programs, dir)
			})
		}
	}
}

func (s *servers) testHost(t *testing.T, programs, dir string) {
	fingerprint := strings.Fields(output(t, "ssh-keygen", "-l", "-f", s.dir+"/host.pub"))[1]
	const line = "ssh -p $P -i id -o UserKnownHostsFile=new -o GlobalKnownHostsFile=none -o UpdateHostKeys=no root@127.0.0.1 echo in"
	p := s.sit(t, programs, dir, line)
	p.sees("can't be established", "")
	p.sees("ED25519 key fingerprint is", "")
	p.sees(fingerprint, "")
	p.sees("(yes/no/[fingerprint])? ", "perhaps\n")
	p.sees("Please type 'yes', 'no' or the fingerprint: ", "no\n")
	p.sees("Host key verification failed.", "")
	p.ends(255)
	if _, err := os.Stat(filepath.Join(dir, "new")); err == nil {
		t.Error("a key that was refused is known")
	}
	p = s.sit(t, programs, dir, line)
	p.sees("(yes/no/[fingerprint])? ", fingerprint+"\n")
	p.sees(fmt.Sprintf("Warning: Permanently added '[127.0.0.1]:%d' (ED25519) to the list of known hosts.", s.sshd), "")
	p.sees("\nin", "")
	p.ends(0)
	p = s.sit(t, programs, dir, line)
	if all := p.ends(0); strings.Contains(all, "authenticity") {
		t.Errorf("it is not known:\n%s", all)
	}
	if strings.Contains(s.sit(t, programs, dir, strings.Replace(line, "=new", "=changed", 1)).ends(255), "\x1b[31m") {
		t.Error("a server has a say on the terminal")
	}
}

func (s *servers) testPassword(t *testing.T, programs, dir string) {
	p := s.sit(t, programs, dir, "ssh -p $P -o PubkeyAuthentication=no -o KbdInteractiveAuthentication=no -o UserKnownHostsFile=known root@127.0.0.1 'echo in; exit 9'")
	p.sees("a banner ", "")
	p.sees("root@127.0.0.1's password: ", "wrong\n")
	p.sees("Permission denied, please try again.", "")
	p.sees("password: ", password+"\n")
	p.sees("\nin", "")
	all := p.ends(9)
	if strings.Contains(all, "sesame") || strings.Contains(all, "\x1b") {
		t.Errorf("a password, or an escape sequence of the banner, is shown:\n%q", all)
	}
	p = s.sit(t, programs, dir, "ssh -p $P -o PreferredAuthentications=password -o NumberOfPasswordPrompts=1 -o UserKnownHostsFile=known root@127.0.0.1 'echo in; exit 9'")
	p.sees("password: ", "wrong\n")
	p.sees("root@127.0.0.1: Permission denied (publickey,password", "")
	p.ends(255)
}

func (s *servers) testPassphrase(t *testing.T, programs, dir string) {
	p := s.sit(t, programs, dir, "ssh -p $P -i locked -o UserKnownHostsFile=known root@127.0.0.1 echo in")
	p.sees("Enter passphrase for key '", "wrong\n")
	p.sees("Enter passphrase for key '", "sesame\n")
	p.sees("\nin", "")
	p.ends(0)
	p = s.sit(t, programs, dir, "ssh -p $P -i locked -o UserKnownHostsFile=known root@127.0.0.1 echo in")
	p.sees("Enter passphrase for key '", "\n")
	p.sees("password: ", password+"\n")
	p.sees("\nin", "")
	p.ends(0)
}

func (s *servers) testTerminal(t *testing.T, programs, dir string) {
	p := s.sit(t, programs, dir, "ssh -p $P -i id -o UserKnownHostsFile=known root@127.0.0.1")
	p.sees("# ", "stty size; echo $TERM\n")
	p.sees("33 99\r\n", "")
	p.sees("vt100", "")
	if err := pty.Setsize(p.tty, &pty.Winsize{Rows: 20, Cols: 70}); err != nil {
		t.Fatal(err)
	}
	p.sees("# ", "until stty size | grep '^20 7''0'; do sleep 0.1; done\n") // the new size arrives some time later
	p.sees("20 70", "")
	p.sees("# ", "sleep 100\n")
	p.sees("sleep 100", "\x03")
	p.sees("# ", "\n~?")
	p.sees("upported escape sequences", "\n~~x\n")
	p.sees("~x", "\n~.")
	p.ends(255)
}

func (s *servers) testKeygen(t *testing.T, programs, dir string) {
	p := s.sit(t, programs, dir, "ssh-keygen -t ed25519 -C c -f id")
	p.sees("Overwrite (y/n)? ", "y\n")
	p.sees("Enter passphrase (empty for no passphrase): ", "open sesame\n")
	p.sees("Enter same passphrase again: ", "open barley\n")
	p.sees("do not match", "")
	p.sees("Enter passphrase (empty for no passphrase): ", "open sesame\n")
	p.sees("Enter same passphrase again: ", "open sesame\n")
	p.sees("SHA256:", "")
	if all := p.ends(0); strings.Contains(all, "sesame") {
		t.Errorf("a passphrase is shown:\n%s", all)
	}
	p = s.sit(t, programs, dir, "ssh-keygen -p -f id")
	p.sees("Enter old passphrase: ", "open sesame\n")
	p.sees("Enter new passphrase (empty for no passphrase): ", "\n")
	p.sees("Enter same passphrase again: ", "\n")
	p.ends(0)
	output(t, "ssh-keygen", "-y", "-P", "", "-f", dir+"/id")
}
