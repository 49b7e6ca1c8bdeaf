"""The words that people choose most often, as public studies of leaked passwords list them again and again.

Compared after digits and signs at both ends are taken away and the usual replacements (`0` for o) are undone, so that
`Password123!`, `P4ssw0rd2024` and `password` are one entry.
"""

from __future__ import annotations

COMMON_WORDS = frozenset(
    """
    password passwort passwords passwordpassword mypassword thepassword newpassword oldpassword defaultpassword
    letmein letmeinnow letmeinplease welcome welcomehome welcomeback changeme changemenow changeit pleasechangeme
    admin administrator adminadmin root toor superuser sysadmin master masterkey login loginlogin access accessgranted
    secret secretsecret topsecret mysecret trustno trustnoone iloveyou iloveyousomuch ilovemyself iloveme loveyou
    lovelove loveme iloveu sunshine sunshinesunshine princess princessa prettyprincess babygirl babyboy sweetheart
    football footballfootball baseball basketball hockey soccer superman batman spiderman ironman starwars pokemon
    pikachu naruto dragon dragonball monkey monkeymonkey shadow michael michaeljordan jordan jessica jennifer ashley
    daniel thomas matthew joshua andrew robert charlie nicole amanda samantha elizabeth alexander christopher
    qwerty qwertyqwerty qwertyui qwertyuiop qwertyasdf qwertyuiopasdfghjkl asdf asdfasdf asdfghjkl asdfjkl zxcvbnm
    qazwsx qazwsxedc qwer qwerasdf qweasd qweasdzxc abc abcabc abcd abcdef abcdefg abcdefgh abcdefghij
    hello hellohello helloworld goodbye whatever nothing computer internet google facebook instagram twitter youtube
    microsoft windows linux ubuntu android iphone samsung apple amazon netflix spotify
    test testtest testing tester testuser testpassword demo demodemo demouser demopassword example guest guestguest
    user useruser username temp temppass temporary pass passpass passcode passw pwd qwe
    bitcoin bitcoinbitcoin ethereum crypto cryptocurrency tothemoon hodl hodlhodl satoshi satoshinakamoto dogecoin
    binance coinbase bybit metamask blockchain trading trader tradingbot basketry invest investment moneymoney money
    summer winter spring autumn january february march april june july august september october november december
    monday tuesday wednesday thursday friday saturday sunday freedom liberty america london paris berlin newyork
    canada australia liverpool arsenal chelsea barcelona realmadrid juventus ferrari mercedes porsche mustang corvette
    harley yamaha forever family mother father brother sister children angel angels blessed blessing jesus jesuschrist
    jesuslovesme godisgood heaven thankgod lovegod flower butterfly rainbow chocolate cookie banana orange purple
    yellow silver golden diamond tigger ginger pepper maggie buster hunter ranger killer cowboy soldier warrior
    mysterious fuckyou fuckme fuckoff asshole bullshit biteme pussy sexy sexysexy hotmail gmail yahoo outlook
    access godzilla phoenix matrix merlin merlot cheese bigdaddy bigdog playboy player gamer gameover letsgo
    correcthorsebatterystaple opensesame abracadabra iamthebest number numberone lucky luckyme luckystar
    """.split()  # noqa: SIM905 - a list of words reads better than three hundred quotes
)

ROWS = (
    "01234567890123456789012345678901234567890",
    "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyz",
    "qwertyuiopasdfghjklzxcvbnm",
    "qwertzuiopasdfghjklyxcvbnm",
    "azertyuiopqsdfghjklmwxcvbn",
    "1234567890qwertyuiopasdfghjklzxcvbnm",
    "1qaz2wsx3edc4rfv5tgb6yhn7ujm8ik9ol0p",
    "1q2w3e4r5t6y7u8i9o0p",
    "qazwsxedcrfvtgbyhnujmikolp",
    "!@#$%^&*()_+!@#$%^&*()_+",
)
"""What a finger finds without a thought."""
