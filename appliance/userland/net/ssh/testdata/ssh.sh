# the command, its streams and its status
ssh $S root@127.0.0.1 echo hello
ssh $S -l root 127.0.0.1 'echo out; echo err >&2; exit 7'
ssh $S root@127.0.0.1 cat < near/text
ssh $S -n root@127.0.0.1 cat < near/text
ssh $S root@127.0.0.1 'cat > /dev/null; head -c 300000 /dev/zero' < far/other | wc -c
~ a signal is told
ssh $S root@127.0.0.1 'kill -9 $$'
ssh $S root@127.0.0.1 yes | head -n 1
ssh $S root@127.0.0.1 < /dev/null
echo 'echo from a shell' | ssh $S -T root@127.0.0.1
echo 'tty; exit' | ssh $S -T root@127.0.0.1
ssh $S -tt root@127.0.0.1 'test -t 0 && echo a terminal; stty size' < /dev/null
ssh $S -t root@127.0.0.1 'test -t 0 || echo no terminal' < /dev/null
# where options may be
ssh -i id $B root@127.0.0.1 -p $P echo behind
ssh $B ssh://root@127.0.0.1:$P -i id echo url
ssh $B -oPort=$P -o "IdentityFile id" -o user=root 127.0.0.1 echo words
ssh $S root@127.0.0.1 -- echo after
ssh $S root@127.0.0.1 echo -n -p 22
ssh -p 1 -p $P -i id $B root@127.0.0.1 echo the first counts
ssh $S -o SetEnv=GREETING=hi root@127.0.0.1 'echo $GREETING'
GREETING=hi ssh $S -o SendEnv=GREETING root@127.0.0.1 'echo $GREETING'
# keys
ssh -p $P -i rsa $B root@127.0.0.1 echo rsa
ssh -p $P -i ec $B root@127.0.0.1 echo ecdsa
ssh -p $P -i locked $B root@127.0.0.1 echo locked
ssh -p $P -i id $B -o PubkeyAuthentication=no root@127.0.0.1 echo no
ssh -p $P -i id $B nobody@127.0.0.1 echo no
chmod 644 id; ssh $S root@127.0.0.1 echo too open
ssh -p $P -i nosuch $B root@127.0.0.1 echo no
# hosts
ssh -p $P -i id -o UserKnownHostsFile=changed -o BatchMode=yes root@127.0.0.1 echo changed
~ a key that has changed is refused in any case
ssh -p $P -i id -o UserKnownHostsFile=changed -o StrictHostKeyChecking=no -o BatchMode=yes -o LogLevel=ERROR root@127.0.0.1 echo changed
ssh -p $P -i id -o UserKnownHostsFile=none -o BatchMode=yes root@127.0.0.1 echo unknown
~ none is no file
ssh -p $P -i id -o UserKnownHostsFile=none -o StrictHostKeyChecking=no -o LogLevel=ERROR root@127.0.0.1 echo unknown
ssh -p $P -i id -o UserKnownHostsFile=/dev/null -o StrictHostKeyChecking=no -o LogLevel=ERROR root@127.0.0.1 echo unknown
ssh -p $P -i id -o UserKnownHostsFile=new -o StrictHostKeyChecking=accept-new -o HostKeyAlias=box -o UpdateHostKeys=no root@127.0.0.1 echo new
ssh -p $P -i id -o UserKnownHostsFile=near/text -o StrictHostKeyChecking=accept-new -o UpdateHostKeys=no root@127.0.0.1 echo appended
sed 's/^[^ ]*/box,!other/' known > k; ssh -p $P -i id -o UserKnownHostsFile=k -o HostKeyAlias=box -o BatchMode=yes root@127.0.0.1 echo alias; rm k
# a key that is known without a port, and one that is known for another port alone
sed 's/^[^ ]*/127.0.0.1/' known > k; ssh -p $P -i id -o UserKnownHostsFile=k -o BatchMode=yes root@127.0.0.1 echo bare; rm k
sed 's/^[^ ]*/[127.0.0.1]:1/' known > k; ssh -p $P -i id -o UserKnownHostsFile=k -o BatchMode=yes root@127.0.0.1 echo other; rm k
sed 's/^[^ ]*/127.0.0.1/' changed > k; ssh -p $P -i id -o UserKnownHostsFile=k -o BatchMode=yes root@127.0.0.1 echo changed; rm k
sed 's/^[^ ]*/@revoked */' known > k; ssh -p $P -i id -o "UserKnownHostsFile=known k" -o BatchMode=yes root@127.0.0.1 echo revoked; rm k
/usr/bin/ssh-keygen -q -H -f known; rm known.old; ssh $S root@127.0.0.1 echo hashed; rm known
ssh -p $P -i id -o UserKnownHostsFile=new -o StrictHostKeyChecking=no -o HashKnownHosts=yes -o UpdateHostKeys=no root@127.0.0.1 true; /usr/bin/ssh-keygen -F "[127.0.0.1]:$P" -f new | sed 's/|1|[^ ]*/HASH/'; rm new
# ways
ssh $S -W 127.0.0.1:$P root@127.0.0.1 < /dev/null | head -c 8
~ keys and known hosts are for the way too
ssh $S -J root@127.0.0.1:$P root@127.0.0.1 echo no key on the way
ssh $S -L 0:a:1 root@127.0.0.1 echo x
ssh $S -L 1:a root@127.0.0.1 echo x
ssh $S -o ExitOnForwardFailure=yes -R $P:127.0.0.1:1 root@127.0.0.1 echo taken
ssh $S -o ExitOnForwardFailure=yes -L $P:127.0.0.1:1 root@127.0.0.1 echo taken
# dropbear
ssh -p $D -i rsa $B root@127.0.0.1 'echo dropbear; exit 3'
ssh -p $D -i id $B root@127.0.0.1 'cat' < far/other
ssh -p $D -i ec $B root@127.0.0.1 'kill -9 $$'
# wrong calls
ssh
ssh -Z host
ssh -o NoSuchOption=yes 127.0.0.1 true
ssh -o BatchMode=perhaps 127.0.0.1 true
ssh -p 99999 127.0.0.1 true
ssh -p 1 127.0.0.1 true
ssh -o ConnectTimeout=x 127.0.0.1 true
~ what was lost is an error
ssh $S root@127.0.0.1 echo lost > /dev/full
