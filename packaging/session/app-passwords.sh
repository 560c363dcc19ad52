# Makes the application passwords that this host wants its users to have, when a session begins:
# [[app_password.auto]] of /etc/twostep/config.toml. Off until an administrator links it, from where
# it was installed:
#
#   ln -s /usr/share/twostep/app-passwords.sh /etc/profile.d/
#
# For every shell that reads /etc/profile. It acts for ordinary users at a prompt, reads nothing of
# what they type, takes five seconds at most, and the login goes on whatever comes of it. Without a
# code given in the last two minutes it makes nothing, and asks nothing.
case $- in
*i*)
    if [ "$(id -u)" != 0 ] && command -v twostep >/dev/null 2>&1 && command -v timeout >/dev/null 2>&1; then
        timeout 5 twostep app-password ensure --quiet </dev/null || :
    fi
    ;;
esac
