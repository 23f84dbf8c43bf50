"""The words that each synthetic voice says, with spellings that give an English word a foreign accent.

A voice of another language reads English words in its own spelling, or in espeak-ng's phonemes, and so speaks English
with its own sounds and intonation. The spellings follow how speakers of the language pronounce the word. A voice that
cannot say the words is not listed.
Source of the phoneme names: espeak-ng, docs/phonemes.md.
"""

from dataclasses import dataclass

DIGIT_WORDS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
NUMBER_WORDS = ("double", "triple", "no")
"""Words that change a number: they say the next digit twice or three times, or take the last one back."""
# For evaluation and the sample pack, never for training.
RESERVED_VOICES = frozenset({"f2", "f4", "m3", "m5", "m6", "en-029", "en-gb-scotland"})

Spellings = tuple[tuple[str, ...], ...]
"""Of several words, each in one or more ways."""


@dataclass(frozen=True)
class Lexicon:
    """The spellings that some voices read.

    digits: ten tuples of spellings; others: spellings of words that are not digits; share: how often this lexicon is
    drawn, relative to the engine's others; number_words: spellings of each of NUMBER_WORDS, () = not of these voices.
    """

    voices: tuple[str, ...]
    digits: Spellings
    others: tuple[str, ...]
    share: float = 1.0
    number_words: Spellings = ()


def _spellings(spellings: str) -> Spellings:
    """Of words separated by spaces; spellings of one word are separated by |."""
    return tuple(tuple(entry.split("|")) for entry in spellings.split())


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


# No homophones of digits (to, too, for, ate, won), but many rhymes and near-rhymes.
OTHER_WORDS = _words(
    """
    yes no stop go left right up down on off house table water hello goodbye people woman man child school paper pencil
    window door street summer winter morning evening yellow orange purple green black white brown music doctor letter
    number plus minus times equals comma point percent dollar hundred thousand million ten eleven twelve twenty hate
    gate late wait height fight night fire fine mine line wine pine sign dive hive live drive free tree sea key tea she
    knee more door floor store pour war shoe blue true new who few zebra hero arrow narrow heaven level
    sick fix mix pick kicks stick sun run gun fun none done once when wand sierra alpha bravo charlie delta echo
    foxtrot golf hotel india juliet kilo mike november oscar papa quebec romeo tango uniform victor x-ray yankee zulu
    happy apple banana garden mountain river forest animal bird horse sheep dog cat computer telephone picture
    thirteen fourteen fifteen sixteen seventeen eighteen nineteen thirty forty fifty sixty seventy eighty ninety
    """
)
LETTERS = _words(  # without O, which is a digit here
    "ay bee see dee ee eff gee aitch eye jay kay el em en pee cue ar ess tee you vee double-you ex why zed zee"
)
PHRASES = (
    *("thank you", "good morning", "try again", "I don't know", "what is it", "hold on", "come here", "very good"),
    *("not now", "say it again", "hey there", "oh no", "all right", "see you", "how are you", "wait a bit", "my name"),
    *("um", "uh", "hmm", "okay", "yeah", "sorry", "let me see", "turn it off", "call home", "next please", "half past"),
)
ENGLISH_OTHERS = (*OTHER_WORDS, *LETTERS, *PHRASES)
ENGLISH_ACCENTS = {"one": ("vun",), "seven": ("seevan",)}  # one in four; common in Indian English
ENGLISH_DIGITS = (
    ("zero", "zero", "zeero", "oh"),
    *((word, word, word, *ENGLISH_ACCENTS.get(word, (word,))) for word in DIGIT_WORDS[1:]),
)


def english(*voices: str, number_words: Spellings = ()) -> Lexicon:
    return Lexicon(voices, ENGLISH_DIGITS, ENGLISH_OTHERS, number_words=number_words)


# Words that every language's phonemes can say. No "tree", "free", "sick" or "fife": with an accent, these are digits.
PHONEME_OTHERS = _words(
    """
    h'elou b'ai m'an k'at d'og h'aus s'an m'un r'an g'an f'an d'an t'en tw'elv il'even tw'enti h'undred t'auzand
    f'ain l'ain m'ain w'ain s'ain p'ain d'ain l'aiv d'aiv h'aiv dr'aiv f'aier l'ait n'ait f'ait h'eit l'eit g'eit
    w'eit m'eit k'eik d'or m'or st'or fl'or p'or w'ar bl'u tr'u n'u h'u f'u gr'in k'i s'i m'i b'i gr'i m'iks f'iks
    p'iks st'ik l'iks h'even l'evel r'even el'even h'irou n'arou z'ebra j'es n'ou st'op g'ou l'eft r'ait d'aun 'of
    'af b'i s'i d'i 'i 'ef dZ'i 'eitS 'ai dZ'ei k'ei 'el 'em 'en p'i kj'u 'ar 'es t'i j'u v'i d'abelju 'eks w'ai
    z'ed m'ornin jel'ou w'oter m'usik d'oktor l'eter n'amber pl'as m'ainus k'oma p'oint m'iljon ban'ana t'elefon
    hot'el r'adio t'aksi f'iftin s'ikstin f'ortin n'aintin 'eitin s'eventin f'orti f'ifti s'iksti s'eventi n'ainti
    """
)
LATIN_OTHERS = _words(  # read much the same in Italian, Czech, Finnish, Catalan, Spanish, German and French
    """
    banana telefon hotel radio taksi mama papa kafe doktor alo melon limon lain main dor mor eleven level stop gud
    minus plus metro auto kilo nota tomato sandal pasta tango papu mono luna sol fin gas bus film tempo lama sala
    """
)

GENERAL_PHONEMES = _spellings(
    "z'iro|z'irou|s'iro|'ou w'an|v'an|w'on|u'an t'u|t'u: tr'i|sr'i|tr'i: f'or|f'o:r|f'o: f'aiv|f'aif s'iks|s'i:ks "
    "s'even|s'ev@n|s'eben|s'ivan 'eit|'e:t n'ain|n'a:in"
)
SLAVIC_PHONEMES = _spellings(
    "z'iro|z'irou|'ou v'an|u'an t'u|t'u: tr'i|sr'i|fr'i f'or|f'o:r f'aiv|f'aif s'iks s'even|s'eve:n "
    "'eit|'ejt n'ain|n'ajn"
)
INDIAN_PHONEMES = _spellings(
    "J'i:ro:|dZ'i:ro|z'i:ro:|'o: v'Vn|w'an|v'an|v'on t.'u:|t.'u t#r'i:|tr'i:|t#r'i p#'o:r|f'o:r|p#'or "
    "p#'aiv|f'aiv|p#'a:Iv s'Iks|s'iks s'e:v@n|s'even|s'i:v@n 'e:t.|'eit. n'a:In|n'ain"
)
CHINESE_PHONEMES = _spellings(
    "z'i55ro51|z'i51rou51|'ou51 w'a51n|w'a55n t'u51|t'u55 sr'i51|tr'i51|sr'i55 "
    "f'o51r|f'o55r|f'o51 f'ai51v|f'ai51f|f'ai55v"
    " s'i51ks|s'i55ks s'e55v@n51|s'e51ven51|s'e55wen51|s'i51van51 'ei51t|'ei55t n'ai51n|n'ai55n"
)
GREEK_PHONEMES = _spellings(
    "z'iro,u|z'iro|'ou u'an|w'an t'u|d'u Tr'i|tr'i f'or f'aiv|f'aIv s'iks s'even 'eit n'ain|n'aIn"
)

GENERAL_WORDS = _spellings("d'abel|d'abl|d'Vb@l tr'ipel|tr'ipl|tr'Ip@l n'ou|n'o:")
SLAVIC_WORDS = _spellings("d'abl|d'abel tr'ipl|tr'ipel n'ou|n'o")
INDIAN_WORDS = _spellings("d'Vb@l|d'abal|d'Vbl tr'Ip@l|t#r'Ipl|tr'ipal n'o:|n'o")
CHINESE_WORDS = _spellings("d'a51b@l|d'a51bou|d'a55bel tr'i51p@l|tr'i51pou|tr'i55pel n'ou51|n'o51")

# Only espeak-ng and Kokoro teach NUMBER_WORDS: the other synthesizers' voices are for measuring how they are heard.
ESPEAK_ENGLISH = (
    english(
        *("en-us", "en-gb", "en-gb-x-rp", "en-gb-x-gbclan", "en-gb-x-gbcwmd", "en-us-nyc"),
        number_words=_spellings("double triple no"),
    ),
)
ESPEAK_ACCENTS = (
    Lexicon(
        _words("hi mr te ta ml kn bn gu pa ur ne kok or as si sd"), INDIAN_PHONEMES, PHONEME_OTHERS, 2.5, INDIAN_WORDS
    ),
    Lexicon(("cmn", "yue", "hak", "shn", "th"), CHINESE_PHONEMES, PHONEME_OTHERS, 1.5, CHINESE_WORDS),
    Lexicon(("el",), GREEK_PHONEMES, PHONEME_OTHERS, 1.2, GENERAL_WORDS),
    Lexicon(_words("de nl da sv nb is af fi et hu"), GENERAL_PHONEMES, PHONEME_OTHERS, 1.0, GENERAL_WORDS),
    Lexicon(
        _words("es es-419 it pt pt-br ca ro fr-fr fr-ch an pap la"),
        GENERAL_PHONEMES,
        PHONEME_OTHERS,
        1.2,
        GENERAL_WORDS,
    ),
    Lexicon(_words("ru uk pl cs sk bg sr hr bs mk sl be lt"), SLAVIC_PHONEMES, PHONEME_OTHERS, 1.0, SLAVIC_WORDS),
    Lexicon(
        _words("ar he fa tr az kk ky uz tt tk am om sw id ms ja ko ka hy ku eu eo cy ga gd mi gn sq ug ba cv"),
        GENERAL_PHONEMES,
        PHONEME_OTHERS,
        1.5,
        GENERAL_WORDS,
    ),
)
ESPEAK_VARIANTS = (
    *("m1", "m2", "m4", "m7", "m8", "f1", "f3", "f5", "klatt", "klatt2", "klatt4", "Alex", "Alicia", "Andrea"),
    *("Andy", "Annie", "Denis", "Diogo", "Gene", "Gene2", "Henrique", "Hugo", "Jacky", "Lee", "Marco", "Mario"),
    *("Michael", "Mike", "Nguyen", "RicishayMax", "Storm", "adam", "anika", "announcer", "antonio", "aunty"),
    *("belinda", "benjamin", "boris", "caleb", "david", "ed", "edward", "grandma", "grandpa", "gustave", "iven"),
    *("iven2", "john", "kaukovalta", "linda", "marcelo", "max", "michel", "miguel", "norbert", "pablo", "paul"),
    *("pedro", "quincy", "rob", "robert", "sandro", "shelby", "steph", "steph2", "travis", "victor", "zac", "whisper"),
)

FLITE = (english("kal16", "awb", "rms", "slt"),)
FESTIVAL_ENGLISH = (english("kal_diphone", "ked_diphone", "cmu_us_slt_arctic_hts"),)
FESTIVAL_ACCENTS = (
    Lexicon(
        ("hindi_NSK_diphone",),
        _spellings("जीरो|झीरो|ओ वन्|वान् टू थ्री|त्री फोर् फाइव्|फाईव् सिक्स् सेवन्|सेवेन् एट्|एइट् नाइन्|नाईन्"),
        _words("हेलो पानी घर नमस्ते दिल्ली मकान लाइन् फाइन् हेवन् डोर् मोर् गेट् टेन् इलेवन् स्टॉप् डॉक्टर् होटल् केला बस्"),
        share=2.0,
    ),
    Lexicon(
        ("telugu_NSK_diphone",),
        _spellings("జీరో|ఓ వన్ టూ త్రీ|థ్రీ ఫోర్ ఫైవ్ సిక్స్ సెవెన్ ఎయిట్|ఏట్ నైన్"),
        _words("హలో నీరు ఇల్లు లైన్ ఫైన్ హెవెన్ డోర్ మోర్ గేట్ టెన్ స్టాప్ డాక్టర్ హోటల్ బస్ బనానా"),
    ),
    Lexicon(
        ("lp_diphone", "pc_diphone"),
        _spellings("zìrou|sìro|ou uan tu tri for|foar fàiv sics sèven éit nàin"),
        LATIN_OTHERS,
    ),
    Lexicon(
        ("czech_ph", "czech_dita", "czech_machac", "czech_krb"),
        _spellings("zírou|zíro|ou uan|van tú|tu trí|srí|frí fór|for fajv|fajf siks sevn|seven ejt najn"),
        LATIN_OTHERS,
        share=1.5,
    ),
    Lexicon(("upc_ca_ona_hts",), _spellings("ziro|síro uan tu tri for fàiv sics sèven èit nàin"), LATIN_OTHERS),
    Lexicon(
        ("msu_ru_nsh_clunits",),
        _spellings("зиро|зироу уан|ван ту три|сри фор файв|файф сикс сэвэн эйт наин|наайн"),
        _words("привет вода дом лайн файн дор мор тэн стоп доктор отель банан метро телефон радио солнце"),
    ),
    Lexicon(
        ("hy_fi_mv_diphone", "suo_fi_lj_diphone"),
        _spellings("siirou|siro uan|van tuu|tu trii|srii foor|for faiv siks seven|sevön eit nain"),
        LATIN_OTHERS,
    ),
)
FESTIVAL_ENCODINGS = {  # every other voice reads UTF-8
    **dict.fromkeys(("lp_diphone", "pc_diphone", "upc_ca_ona_hts"), "latin-1"),
    **dict.fromkeys(("hy_fi_mv_diphone", "suo_fi_lj_diphone"), "latin-1"),
    **dict.fromkeys(("czech_ph", "czech_dita", "czech_machac", "czech_krb"), "iso8859-2"),
}

PICO_ENGLISH = (english("en-US", "en-GB"),)
PICO_ACCENTS = (
    Lexicon(
        ("de-DE",), _spellings("sierou|oh uann tuh|tu srih|tri fohr|for faiw sicks sewwen ejt|eht nein"), LATIN_OTHERS
    ),
    Lexicon(("es-ES",), _spellings("sirou|siro uan|guan tu tri|zri for faif|faib sics seven éit nain"), LATIN_OTHERS),
    Lexicon(("it-IT",), _spellings("zirou|siro uan tu tri|sri for faiv sics seven éit nain"), LATIN_OTHERS),
)

# For Kokoro, in the phonemes of its package misaki; capitals are diphthongs, A as in eight, I as in five, O as in oh.
# No words that are digits with an accent (free, tree), nor the letter A: an eight whose end is cut off.
KOKORO_OTHERS = _words(
    """
    jˈɛs nˈO stˈɑp ɡˈO lˈɛft ɹˈIt ˈʌp dˈWn ˈɔn ˈɔf hˈWs tˈAbəl wˈɔɾəɹ mˈæn bˈɜɹd kˈæt dˈɔɡ hˈæpi mˈæɹvɪn ʃˈilə bˈɛd
    wˈW hˈɛlO ɡˈʊdbˈI hˈʌndɹəd tˈɛn ɪlˈɛvən twˈɛlv twˈɛnti θˈɜɾin fˈɔɹtˈin fˈɪftˈin sˈɪkstˈin sˈɛvəntˈin ˈAtˈin
    nˈIntˈin θˈɜɾi fˈɔɹɾi fˈɪfti sˈɪksti sˈɛvənti ˈAɾi nˈInti dˈʌbəl tɹˈɪpəl ˈʌm ˈɜ hˈm ˈɑ nˈʌmbəɹ plˈʌs mˈInəs pˈYnt
    kˈɑmə dˈɑləɹ fˈIn lˈIn mˈIn wˈIn fˈIɹ hˈɛvən lˈɛvəl lˈAt hˈAt wˈAt ɡˈAt fˈIt nˈIt fˈɪks mˈɪks stˈɪk pˈɪk dˈɔɹ mˈɔɹ
    stˈɔɹ flˈɔɹ wˈɔɹ ʃˈu blˈu tɹˈu nˈu hˈu kˈi sˈi nˈi ʃˈi ɡɹˈin sˈʌn ɹˈʌn ɡˈʌn fˈʌn nˈʌn dˈʌn wˈɛn wˈɑnd zˈibɹə hˈiɹO
    nˈæɹO bˈi dˈi ˈi ˈɛf ʤˈi ˈAʧ ˈI ʤˈA kˈA ˈɛl ˈɛm ˈɛn pˈi kjˈu ˈɑɹ ˈɛs tˈi jˈu vˈi wˈI zˈi ˈɛks
    """
)
KOKORO_AMERICAN = _spellings("zˈiɹO|zˈɪɹO|ˈO wˈʌn tʰˈu θɹˈi fˈɔɹ fˈIv sˈɪks sˈɛvən|sˈɛvᵊn ˈAt nˈIn")
KOKORO_BRITISH = _spellings("zˈɪəɹQ|zˈiɹQ|ˈQ wˈʌn|wˈɒn tʰˈuː|tʰˈu θɹˈiː|θɹˈi fˈɔː fˈIv sˈɪks sˈɛvən|sˈɛvᵊn ˈAt nˈIn")
KOKORO_INDIAN = _spellings(
    "zˈiːɾO|ʤˈiːɾO|zˈiɹo|ˈoː wˈʌn|ʋˈʌn|wˈan ʈˈuː|tˈu tɾˈiː|θɾˈi|tɹˈi fˈoːɾ|fˈɔɹ fˈIv|fˈIʋ sˈɪks|sˈiks "
    "sˈɛʋən|sˈeːvən ˈeːʈ|ˈet|ˈAt nˈIn|nˈain"
)
KOKORO_CHINESE = _spellings(
    "zˈiɻO|zˈiɹO|ˈO wˈan|wˈʌn tʰˈu sɹˈi|sɻˈi|θɹˈi fˈɔ|fˈɔɹ|fˈo fˈIf|fˈaif|fˈIv|fˈI sˈiks|sˈɪks|sˈikəs "
    "sˈɛvən|sˈɛwən|sˈɛfən ˈAt|ˈet|ˈA nˈIn|nˈain"
)
KOKORO_EUROPEAN = _spellings(
    "zˈiɾo|zˈiɹO|sˈiɾo|ˈo wˈan|wˈɔn|ʋˈan|wˈʌn tˈu|tˈuː tɾˈi|tɹˈi|sɹˈi|fɹˈi fˈɔɾ|fˈoɾ|fˈɔɹ fˈIv|fˈaif|fˈIf sˈiks|sˈɪks "
    "sˈɛvɛn|sˈɛven|sˈɛbɛn ˈet|ˈAt|ˈɛit nˈain|nˈIn"
)
KOKORO_WORDS = _spellings("dˈʌbəl|dˈʌbᵊl|dˈabəl tɹˈɪpəl|tɹˈɪpᵊl|tɾˈipəl nˈO|nˈQ|nˈo")
