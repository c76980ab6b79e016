package ssh_test

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// sshd is OpenSSH's server, which is unpacked and not installed.
const sshd = "/var/lib/gatehouse-peers/openssh-server/usr/sbin/sshd"

// password opens sshd: here is its hash.
const (
	password = "open sesame"
	hash     = "$6$gatehouse$J0apGytWoNbSBdgz5r4aWDnf9aOKi2clKhF1Y89eNNYHR0jTjQMwGk3KrbkkBfzvWHUzY30FiFukwJlPeCLtK0"
)

// servers are those at the other end, in a mount namespace, where users are theirs.
type servers struct {
	dir               string
	sshd, dropbear    int // ports
	sshdPID, dropPID  int
	hostKey, otherKey string // public halves
}

func newServers(t *testing.T) *servers {
	t.Helper()
	s := &servers{dir: t.TempDir(), sshd: freePort(t), dropbear: freePort(t)}
	for _, k := range []string{"host -t ed25519", "otherhost -t rsa -b 2048", "id -t ed25519", "rsa -t rsa -b 2048", "ec -t ecdsa", "locked -t ed25519 -N sesame"} {
		name, args, _ := strings.Cut(k, " ")
		words := append([]string{"-q", "-f", filepath.Join(s.dir, name), "-C", name + "@test"}, strings.Fields(args)...)
		if !strings.Contains(args, "-N") {
			words = append(words, "-N", "")
		}
		output(t, "ssh-keygen", words...)
	}
	s.hostKey, s.otherKey = read(t, s.dir+"/host.pub"), read(t, s.dir+"/otherhost.pub")
	write(t, s.dir+"/authorized", read(t, s.dir+"/id.pub")+read(t, s.dir+"/rsa.pub")+read(t, s.dir+"/ec.pub")+read(t, s.dir+"/locked.pub"), 0o600)
	write(t, s.dir+"/passwd", "root:x:0:0::/root:/bin/sh\nsshd:x:112:65534::/run/sshd:/usr/sbin/nologin\n", 0o644)
	write(t, s.dir+"/shadow", "root:"+hash+":19000:0:99999:7:::\nsshd:!:19000::::::\n", 0o600)
	write(t, s.dir+"/banner", "a banner \x1b[31m\n", 0o644)
	write(t, s.dir+"/config", fmt.Sprintf(`ListenAddress 127.0.0.1:%d
HostKey %[2]s/host
HostKey %[2]s/otherhost
AuthorizedKeysFile %[2]s/authorized
StrictModes no
PermitRootLogin yes
Banner %[2]s/banner
AcceptEnv GREETING
MaxStartups 100
MaxAuthTries 20
`, s.sshd, s.dir), 0o644)
	const private = "mount -t tmpfs none /run && mkdir /run/sshd && cd $0 && mount --bind passwd /etc/passwd && mount --bind shadow /etc/shadow && "
	s.sshdPID = s.serve(t, s.sshd, private+sshd+" -D -e -f $0/config")
	output(t, "dropbearconvert", "openssh", "dropbear", convertible(t, s.dir), s.dir+"/dropbearkey")
	s.dropPID = s.serve(t, s.dropbear, fmt.Sprintf("mount -t tmpfs none /root && mkdir /root/.ssh && cp $0/authorized /root/.ssh/authorized_keys && "+
		private+"exec dropbear -F -E -s -r $0/dropbearkey -p 127.0.0.1:%d", s.dropbear))
	return s
}

// convertible is a copy of the RSA key as dropbearconvert reads it.
func convertible(t *testing.T, dir string) string {
	t.Helper()
	write(t, dir+"/pem", read(t, dir+"/otherhost"), 0o600)
	output(t, "ssh-keygen", "-q", "-p", "-m", "PEM", "-N", "", "-f", dir+"/pem")
	return dir + "/pem"
}

// serve starts a server, and waits until it is there.
func (s *servers) serve(t *testing.T, port int, script string) int {
	t.Helper()
	cmd := exec.Command("unshare", "-m", "sh", "-c", script, s.dir)
	log, err := os.Create(filepath.Join(s.dir, fmt.Sprint(port, ".log")))
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stderr = log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait() // killed
		log.Close()
	})
	for end := time.Now().Add(patience); ; time.Sleep(20 * time.Millisecond) {
		c, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err == nil {
			c.Close()
			return cmd.Process.Pid
		}
		if time.Now().After(end) {
			t.Fatalf("the server (Debian's openssh-server, unpacked, or dropbear-bin; libwrap0) is not there: %s", read(t, log.Name()))
		}
	}
}

// furnish makes the files of the client.
func (s *servers) furnish(t *testing.T, dir string) {
	t.Helper()
	for _, name := range []string{"id", "rsa", "ec", "locked"} {
		write(t, filepath.Join(dir, name), read(t, filepath.Join(s.dir, name)), 0o600)
		write(t, filepath.Join(dir, name+".pub"), read(t, filepath.Join(s.dir, name+".pub")), 0o644)
	}
	key := func(k string) string { return strings.Join(strings.Fields(k)[:2], " ") }
	write(t, filepath.Join(dir, "known"), fmt.Sprintf("[127.0.0.1]:%d %s\n[127.0.0.1]:%d %s\n", s.sshd, key(s.hostKey), s.dropbear, key(s.otherKey)), 0o600)
	write(t, filepath.Join(dir, "changed"), fmt.Sprintf("[127.0.0.1]:%d %s\n", s.sshd, key(read(t, s.dir+"/id.pub"))), 0o600)
	write(t, filepath.Join(dir, "near/text"), "new\n", 0o640)
	write(t, filepath.Join(dir, "near/tree/a"), "a", 0o644)
	write(t, filepath.Join(dir, "near/tree/b/c"), "c", 0o600)
	write(t, filepath.Join(dir, "far/old"), "old\n", 0o644)
	write(t, filepath.Join(dir, "far/other"), strings.Repeat("0123456789", 20000), 0o644)
	write(t, filepath.Join(dir, "far/tree/x"), "x", 0o644)
}

// prelude is what lines have.
func (s *servers) prelude() string {
	return fmt.Sprintf(`P=%d D=%d; K="-o UserKnownHostsFile=known -o GlobalKnownHostsFile=none -o LogLevel=ERROR"; B="$K -o BatchMode=yes"
S="-p $P -i id $B" C="-P $P -i id $B"
umask 022
`, s.sshd, s.dropbear)
}

func output(t *testing.T, name string, args ...string) string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), name, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", name, err, out)
	}
	return string(out)
}
