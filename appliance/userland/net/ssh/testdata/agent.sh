ssh-agent sh -c 'ssh-add -l; echo $?; ssh-add id rsa ec; ssh-add -l; ssh-add -L; ssh-add -d rsa; ssh-add -l; ssh-add -D; ssh-add -l' 2> said; sort said; rm said
ssh-agent sh -c 'ssh-add -q -t 1h id; ssh-add -l -E md5; ssh-add -t 1 ec; sleep 2.1; ssh-add -l' 2> /dev/null
ssh-agent -t 1 sh -c 'ssh-add -q id; sleep 2.1; ssh-add -l'
ssh-agent sh -c 'exit 7'
~ a command that was ended by a signal is known by the status
ssh-agent sh -c 'kill -9 $$'
ssh-agent nosuch
# ours and OpenSSH's in turn
ssh-agent sh -c '/usr/bin/ssh-add -q id rsa ec; /usr/bin/ssh-add -L; /usr/bin/ssh-add -d ec; /usr/bin/ssh-add -l'
/usr/bin/ssh-agent sh -c 'ssh-add -q id rsa ec; ssh-add -L; ssh-add -d ec; ssh-add -l' 2>/dev/null
export P; ssh-agent sh -c "ssh-add -q rsa; ssh -p $P $B root@127.0.0.1 echo by the agent; /usr/bin/ssh -F none -p $P $B root@127.0.0.1 echo and theirs"
/usr/bin/ssh-agent sh -c "/usr/bin/ssh-add -q ec; ssh -p $P $B root@127.0.0.1 echo by the agent"
ssh-agent sh -c "ssh-add -q id; ssh -A -p $P $B root@127.0.0.1 ssh-add -l; ssh -a -p $P $B root@127.0.0.1 ssh-add -l"
ssh-agent sh -c "ssh-add -q rsa; rm rsa; ssh -p $P -i rsa.pub $B -o IdentitiesOnly=yes root@127.0.0.1 echo named; ssh -p $P -i id.pub $B -o IdentitiesOnly=yes root@127.0.0.1 echo not named"
# in the background
eval $(ssh-agent) > said; sed 's/[0-9]*$/N/' said; rm said; ssh-add -q id; ssh-add -l; stat -c %a $SSH_AUTH_SOCK $(dirname $SSH_AUTH_SOCK); ssh-agent -k | sed 's/pid [0-9]*/pid N/'; sleep 0.5; test -e $SSH_AUTH_SOCK || echo gone; rm -rf ssh-*
~ a socket of a relative name is removed, too
ssh-agent -a here > vars; sed 's/[0-9][0-9]*/N/g' vars; . ./vars > /dev/null; stat -c %a here; ssh-add -l; ssh-agent -k > /dev/null; sleep 0.5; rm vars
ssh-agent -c -a $PWD/here > vars; sed "s,$PWD,DIR,; s/[0-9][0-9]*/N/g" vars; SSH_AGENT_PID=$(sed -n 's/.*PID \([0-9]*\);/\1/p' vars) ssh-agent -kc | sed 's/[0-9][0-9]*/N/'; sleep 0.5; rm vars
ssh-agent -a near/text
ssh-agent -a nosuch/x
ssh-agent -k
SSH_AGENT_PID=x ssh-agent -k
# without
ssh-add -l
ssh-add id
ssh-agent ssh-add nosuch
ssh-agent ssh-add near/text
ssh-agent ssh-add locked < /dev/null
chmod 644 id; ssh-agent ssh-add id
ssh-agent ssh-add -d id
ssh-agent ssh-add -t x id
ssh-agent ssh-add -Z
ssh-agent -Z
